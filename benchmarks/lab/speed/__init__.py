"""mIoU against milliseconds for every network of the zoo: `files` makes what is timed, `plot` the picture."""

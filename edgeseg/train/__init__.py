"""Training (torch): data, augmentation, losses, schedule, checkpoints and the loop. Start reading at loop.py."""

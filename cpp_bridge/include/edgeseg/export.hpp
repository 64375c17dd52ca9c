// What libedgeseg.so shows to others; everything else in it is hidden.
#pragma once

#define EDGESEG_API __attribute__((visibility("default")))

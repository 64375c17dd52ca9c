"""FP16 and INT8: one calibration pass, one graph a target, each measured against fp32."""

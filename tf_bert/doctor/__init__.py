"""`--mode=doctor`: what is wrong with this machine, before a training.

It has to work where nothing else does: TensorFlow is imported in processes of
their own alone, and `packages`, `check_result` and `doctor_report` need no
other package.
"""

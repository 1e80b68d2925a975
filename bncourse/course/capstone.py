"""What exercise 15.1 asks for: `tests/checks/test_15_capstone.py` judges by it, `book/15_capstone.md` explains it."""

# The accuracy of each night, and the points for it. The last lies below all of twenty reference rescues, which the page
# measures again, and above all that half of one reached.
NEEDED, POINTS = (0.50, 0.60, 0.68, 0.74, 0.77), (1, 2, 2, 2, 3)

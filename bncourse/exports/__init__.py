"""The course for others: students' copies, Gradescope, nbgrader."""

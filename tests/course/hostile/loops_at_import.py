"""Never comes to the end of the cell of 3.1. The others keep their points and their time."""

DUE = {"3.1": 0}
SAYS = "still running after"

# %% exercise="3.1"
while True:
    pass

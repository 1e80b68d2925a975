"""Puts markup, control characters and formulas into every text that a page or a table shows. They are shown as
text."""

DUE = {"3.1": 0, "3.3": 0}
SAYS = "&lt;script&gt;"


# %% exercise="3.1"
def normalize(x, mean, var, eps=1e-5):
    print("</pre><script>alert('printed')</script>\x1b[2J\x00")
    raise ValueError("<script>alert('raised')</script>\u202e\udc80\x07{{ 7 * 7 }}{% raise %}=1+1")


# %% exercise="3.3"
Markup = type("<script>alert('kind')</script>", (), {})


def normalize_inference(x, moving_mean, moving_var, eps=1e-5):
    return Markup()

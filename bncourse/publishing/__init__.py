"""The course as a site and on paper."""

"""What the pages measure with: images, networks, training, figures."""

"""Hidden patches' histograms predicted from visible ones, as in MaskFeat (Wei et al., 2022; `book/13_transfer.md`)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH, SIDE = 4, 5  # pixels of a patch, patches of an image, along each side
PATCHES = SIDE * SIDE
ORIENTATIONS = 9
HIDDEN = 10  # patches that are hidden of an image: 40 %, as in the original
WIDTH, DEPTH, HEADS = 64, 4, 4


def orientation_histograms(images: Tensor) -> Tensor:
    """HOG of images `(N, 1, H, W)`, one cell a patch and no blocks: `(N, patches, ORIENTATIONS)`.

    A pixel votes with the length of its gradient for the orientation of it, 0 to 180°; of a cell the mean vote, divided
    by its length over all orientations. Gradients are central differences, 0 at the border. As `skimage.feature.hog`.
    """
    x = images[:, 0]
    down, right = torch.zeros_like(x), torch.zeros_like(x)
    down[:, 1:-1], right[:, :, 1:-1] = x[:, 2:] - x[:, :-2], x[:, :, 2:] - x[:, :, :-2]
    angle = torch.rad2deg(torch.atan2(down, right)) % 180
    chosen = (angle * ORIENTATIONS / 180).long().clamp(max=ORIENTATIONS - 1)
    votes = F.one_hot(chosen, ORIENTATIONS).movedim(-1, 1) * torch.hypot(down, right)[:, None]
    cells = F.avg_pool2d(votes, PATCH).flatten(2).transpose(1, 2)
    return cells / (cells.square().sum(-1, keepdim=True) + 1e-5**2).sqrt()


class Block(nn.Module):
    """A transformer's block with LN in front: attention over all patches, then two layers for each."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.mix, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.layers = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, tokens: Tensor) -> Tensor:
        """`tokens` `(N, patches, WIDTH)`, and so the result."""
        query, key, value = self.mix(self.first(tokens)).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.out(mixed.transpose(1, 2).flatten(2))
        return tokens + self.layers(self.second(tokens))


class VisionTransformer(nn.Module):
    """A ViT with LN and no BN: images `(N, 1, 20, 20)` to features `(N, 64)`; `predicted` is what it is trained by."""

    size = WIDTH

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, WIDTH, PATCH, PATCH)
        self.hidden, self.place = nn.Parameter(torch.zeros(WIDTH)), nn.Parameter(0.02 * torch.randn(PATCHES, WIDTH))
        self.blocks = nn.Sequential(*[Block() for _ in range(DEPTH)], nn.LayerNorm(WIDTH))
        self.head = nn.Linear(WIDTH, ORIENTATIONS)

    def tokens(self, images: Tensor, hidden: Tensor | None = None) -> Tensor:
        """What comes out for each patch, `(N, PATCHES, WIDTH)`; patches where `hidden` `(N, PATCHES)` are not seen."""
        tokens = self.embed(images).flatten(2).transpose(1, 2)
        if hidden is not None:
            tokens = torch.where(hidden[..., None], self.hidden, tokens)
        out: Tensor = self.blocks(tokens + self.place)
        return out

    def forward(self, images: Tensor) -> Tensor:
        """The mean over the patches, none of them hidden."""
        return self.tokens(images).mean(1)

    def predicted(self, images: Tensor, hidden: Tensor) -> Tensor:
        """The histograms that it expects, `(N, PATCHES, ORIENTATIONS)`, of visible and hidden patches."""
        histograms: Tensor = self.head(self.tokens(images, hidden))
        return histograms

    def loss(self, images: Tensor) -> Tensor:
        """Mean squared error of the histograms of hidden patches, `HIDDEN` of each image."""
        hidden = hidden_patches(len(images)).to(images.device)
        wrong = self.predicted(images, hidden) - orientation_histograms(images)
        return wrong[hidden].square().mean()


def hidden_patches(count: int) -> Tensor:
    """Which patches are hidden, `(count, PATCHES)`: rectangles at random places until there are `HIDDEN` of an image.

    A rectangle hides 2 to 6 patches; of the last one so many as are still to be hidden, row by row.
    """
    hidden = torch.zeros(count, SIDE, SIDE, dtype=torch.bool)
    for image in hidden:
        while (missing := HIDDEN - int(image.sum())) > 0:
            area, ratio = 2 + 4 * torch.rand(()).item(), math.exp((2 * torch.rand(()).item() - 1) * math.log(2))
            high, wide = (max(1, min(SIDE, round(math.sqrt(area * by)))) for by in (ratio, 1 / ratio))
            top, left = (int(torch.randint(SIDE - side + 1, ())) for side in (high, wide))
            new = torch.zeros_like(image)
            new[top : top + high, left : left + wide] = True
            places = (new & ~image).flatten().nonzero()[:missing, 0]
            image.view(-1)[places] = True
    return hidden.flatten(1)

"""The contestant in eager PyTorch: the same networks and updates, with images in memory.

As in benchmarks/updates.py, the generator draws once per step. Adam is PyTorch's fused version, the
fastest one.
"""

import functools

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, relu, softplus

from benchmarks.translate import Masked, dense, translate
from models.shared.build import build


class Encoder(nn.Module):
    """The VAE's encoder: a trunk with two heads."""

    def __init__(self, network):
        super().__init__()
        heads = [network.get_layer(name) for name in ('mean', 'std')]
        trunk = [layer for layer in network.layers if layer not in heads]
        self.trunk = translate(trunk)
        self.mean, self.std = (nn.Sequential(*dense(head, trunk, [])) for head in heads)

    def forward(self, images):
        """(mean, std) of images (N, C, H, W)."""
        features = self.trunk(images)
        return self.mean(features), self.std(features)


class Update(nn.Module):
    """A step on a batch of images (N, C, H, W) in the model's range."""

    def __init__(self, model):
        super().__init__()
        self.networks(model)
        settings = {name: own.get_config() for name, own in model.optimizers().items()}
        self.optimizers = {name: adam(self.weights(name), settings[name]) for name in settings}
        self.rates = {name: rate(self.optimizers[name], settings[name]) for name in settings}
        self.shape = model.latents(1, 0).shape[1:]

    def networks(self, model):
        """Translates the players."""
        self.generator = translate(model.generator.layers)
        self.discriminator = translate(model.discriminator.layers)

    def weights(self, player):
        """What a player trains."""
        return [w for w in getattr(self, player).parameters() if w.requires_grad]

    def step(self, images):
        """Draws noise and makes a step; returns the loss of the last player."""
        return self.apply(images, *self.draws(images))

    def draws(self, images):
        """The random numbers of a step."""
        return [self.noise([len(images), *self.shape])]

    def move(self, player, loss, retain=False):
        """Moves a player against the gradient of its loss; `retain` keeps the graph for more."""
        self.optimizers[player].zero_grad()
        loss.backward(inputs=self.weights(player), retain_graph=retain)
        self.optimizers[player].step()
        self.rates[player].step()


class OneLoss(Update):
    """One player, one loss."""

    noise = staticmethod(torch.randn)

    def networks(self, model):
        """Translates encoder and decoder."""
        self.vae = nn.ModuleList([Encoder(model.encoder), translate(model.decoder.layers)])

    def apply(self, images, noise):
        """A step by this noise; returns the loss."""
        encoder, decoder = self.vae
        mean, std = encoder(images)
        logits = decoder(mean + std * noise)
        error = binary_cross_entropy_with_logits(logits, images, reduction='sum')
        divergence = 0.5 * (mean**2 + std**2 - 2 * std.log() - 1).sum()
        loss = (error + divergence) / len(images)
        self.move('vae', loss)
        return loss.detach()


class Masks(nn.Module):
    """The PixelCNN."""

    def __init__(self, model):
        super().__init__()
        self.first, self.head, self.last = map(Masked, (model.first, model.head, model.last))
        blocks = ((block.down, block.across, block.up) for block in model.blocks)
        self.blocks = nn.ModuleList(nn.ModuleList(map(Masked, block)) for block in blocks)

    def forward(self, images):
        """Logits of images, both (N, C, H, W)."""
        x = self.first(images)
        for block in self.blocks:
            found = x
            for layer in block:
                found = layer(relu(found))
            x = x + found
        return self.last(relu(self.head(relu(x))))


class Pixelwise(Update):
    """One player, one loss, of pixels that noise makes black and white."""

    def networks(self, model):
        """Translates the stack of convolutions."""
        self.pixelcnn = Masks(model)

    def draws(self, images):
        """A number a pixel, uniform in [0, 1)."""
        return [torch.rand_like(images)]

    def apply(self, images, noise):
        """A step by this noise; returns the loss."""
        images = (noise < images).float()
        error = binary_cross_entropy_with_logits(self.pixelcnn(images), images, reduction='sum')
        loss = error / len(images)
        self.move('pixelcnn', loss)
        return loss.detach()


class InTurn(Update):
    """The discriminator moves, then the generator against the discriminator that has moved."""

    def networks(self, model):
        """Translates the players, and takes what tells the deviation of the instance noise."""
        super().networks(model)
        low, high = model.value_range
        self.first, self.decay = (
            model.settings.instance_noise * (high - low),
            model.settings.decay_steps,
        )

    def noise(self, shape):
        """Uniform in [-1, 1)."""
        return 2 * torch.rand(shape) - 1

    def draws(self, images):
        """That of the generator, and the instance noise on data and samples."""
        deviation = self.first / (1 + self.rates['discriminator'].last_epoch / self.decay)
        seen = [deviation * torch.randn_like(images) for _ in range(2)]
        return [*super().draws(images), *seen]

    def apply(self, images, noise, true_noise, fake_noise):
        """A step by this noise; returns the generator's loss."""
        fake = self.generator(noise) + fake_noise
        true_logit = self.discriminator(images + true_noise)
        fake_logit = self.discriminator(fake.detach())
        self.move('discriminator', discriminator_loss(true_logit, fake_logit))
        g_loss = softplus(-self.discriminator(fake)).mean()
        self.move('generator', g_loss)
        return g_loss.detach()


class AtOnce(Update):
    """Both players move at once."""

    noise = staticmethod(torch.randn)

    def apply(self, images, noise):
        """A step by this noise; returns the generator's loss."""
        fake = self.generator(noise)
        true_logit, fake_logit = self.discriminator(images), self.discriminator(fake)
        g_loss = softplus(-fake_logit).mean()
        self.move('generator', g_loss, retain=True)
        self.move('discriminator', discriminator_loss(true_logit, fake_logit))
        return g_loss.detach()


def update_of(model):
    """The update of a model by who moves: one player, several in turn, or all at once."""
    if len(model.players) == 1:
        return (OneLoss if model.offers('encode') else Pixelwise)(model)
    return (InTurn if model.alternate else AtOnce)(model)


class Trainer:
    """Trains in float32."""

    def __init__(self, settings, data, _):
        self.model = build(data.train_images.shape[1:], len(data.class_names), settings)
        self.update, self.size = update_of(self.model), settings.batch_size
        low, high = self.model.value_range
        pixels = torch.tensor(data.train_images).permute(0, 3, 1, 2).contiguous()
        self.images = pixels.float() * ((high - low) / 255) + low

    def epoch(self):
        """Trains for one epoch; returns the images seen."""
        steps = len(self.images) // self.size
        order = torch.randperm(len(self.images))[: steps * self.size]
        for indices in order.split(self.size):
            self.update.step(self.images[indices])
        return len(order)


def adam(weights, settings):
    """PyTorch's Adam with the settings of Keras', though epsilon counts for less in early steps."""
    betas = settings['beta_1'], settings['beta_2']
    return torch.optim.Adam(weights, betas=betas, eps=settings['epsilon'], fused=True)


def rate(optimizer, settings):
    """Gives the optimizer its learning rate by step."""
    found = settings['learning_rate']
    if not isinstance(found, dict):
        found = {'class_name': None, 'config': {'initial_learning_rate': found}}
    config = found['config']
    optimizer.param_groups[0]['lr'] = config['initial_learning_rate']
    share = {None: lambda i: 1.0, 'InverseTimeDecay': inverse, 'ExponentialDecay': exponential}
    known = functools.partial(share[found['class_name']], **rest(config))
    return torch.optim.lr_scheduler.LambdaLR(optimizer, known)


def rest(config):
    """What tells how a rate falls, by the names of Keras."""
    return {name: config[name] for name in ('decay_steps', 'decay_rate') if name in config}


def inverse(step, decay_steps, decay_rate):
    """The share of the rate that Keras' InverseTimeDecay leaves."""
    return 1 / (1 + decay_rate * step / decay_steps)


def exponential(step, decay_steps, decay_rate):
    """The share of the rate that Keras' ExponentialDecay leaves."""
    return decay_rate ** (step / decay_steps)


def discriminator_loss(true_logit, fake_logit):
    """-log D(x) - log(1 - D(G(z))), averaged."""
    return softplus(-true_logit).mean() + softplus(fake_logit).mean()

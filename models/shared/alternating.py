"""What adversarial models share whose discriminator makes several steps for each of the generator.

Goodfellow et al. 2014 (arXiv:1406.2661), algorithm 1: k steps of the discriminator, then one of the
generator, each on noise of its own.
"""

from models.shared.adversarial import AdversarialModel

options = {
    'discriminator_steps': {
        'default': 1,
        'help': "k, the discriminator's steps for each of the generator",
        'least': 1,
        'most': 1000,
    },
    'width': {
        'default': 1.0,
        'help': 'multiplies the filters or units of the hidden layers',
        'least': 0.1,
        'most': 16.0,
    },
}


class AlternatingModel(AdversarialModel):
    """A generator and a discriminator that move in turn, each on fresh noise."""

    alternate = True
    fresh_noise = True

    @property
    def players(self):
        """The generator moves after so many steps of the discriminator."""
        return {'discriminator': 1, 'generator': self.settings.discriminator_steps}

"""The conditional variational autoencoder.

Kingma, Rezende, Mohamed & Welling 2014, "Semi-supervised Learning with Deep Generative Models"
(arXiv:1406.5298): their model M2 where all labels are known; Sohn, Lee & Yan 2015, "Learning
Structured Output Representation using Deep Conditional Generative Models". The encoder proposes
q(z given x, y), the decoder turns a code and a label into p(x given z, y), and training raises

    E_q[log p(x given z, y)] - KL(q(z given x, y) || N(0, I)),

which bounds log p(x given y). The label says which digit it is, so the code need not: it is left
with the style, and the same code with ten labels gives ten digits in one hand.

Networks and options are those of `vae`. The encoder sees the label as maps beside the pixels, one a
class; the decoder as a one-hot vector beside the code.
"""

from models import vae
from models.shared.labels import beside, given_or_drawn, maps_beside

defaults = {'epochs': 125}


class Model(vae.Model):
    """Encoder q(z given x, y) and decoder p(x given z, y), trained together."""

    given = 'labels'
    columns = 10

    def networks(self):
        """(encoder, decoder): images and label maps -> mean, std; codes and labels -> logits."""
        height, width, channels = self.image_shape
        variant, length = self.settings.variant, self.settings.latent_dim
        labelled = height, width, channels + self.classes
        encoder, _ = vae.networks_of(variant, labelled, length)
        _, decoder = vae.networks_of(variant, self.image_shape, length + self.classes)
        return encoder, decoder

    def encode(self, batch):
        """Mean and standard deviation of q(z given x, y), each (N, D), of a batch."""
        return self.encoder(maps_beside(batch.images, batch.labels, self.classes))

    def decode(self, codes, labels=None):
        """Logits of p(x given z, y), (N, H, W, C), of codes (N, D) and labels (N,)."""
        return self.decoder(beside(codes, labels, self.classes))

    def latents(self, count, seed, given=None):
        """Codes from the prior with the labels `given`, or drawn ones: (count, D + classes)."""
        labels = given_or_drawn(given, count, seed, self.classes)
        return beside(super().latents(count, seed), labels, self.classes)

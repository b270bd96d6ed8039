"""Adam with one operation a variable.

Keras' Adam writes its update as a dozen small operations; a small network spends more time on
starting them than on arithmetic. The update rule and its state are the same, without amsgrad.
"""

import keras
import tensorflow as tf


class Adam(keras.optimizers.Adam):
    """Kingma & Ba 2015, algorithm 1 (in the reordered form of section 2), as a fused kernel."""

    def update_step(self, gradient, variable, learning_rate):
        """Moves `variable` and its two moments by one step; all in the variable's precision."""
        step = tf.cast(self.iterations + 1, variable.dtype)
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )

"""Replicas of a model on several devices, each of which computes a part of every batch.

A replica's loss is the mean over its part, so the mean over the replicas is the loss of the batch,
and the same holds for gradients, logged values and the statistics of batch norm. Outside of
`strategy.run` nothing knows of replicas. Without a strategy there is one replica, and the functions
below return what they are given.
"""

import functools
import json
import os

import keras
import tensorflow as tf

from support.errors import InputError

ALONE = 'one device'


@functools.cache
def strategy_of(kind):
    """The strategy that --distribute names; 'none' is TensorFlow's own, of one device.

    'mirrored' takes all GPUs of this machine, or all logical CPU devices if it has no GPU;
    'multi_worker' waits for all machines, of each of which it takes all GPUs or the processor. A
    process has one strategy of a kind: the sums of two would get the same numbers and mix.
    """
    if kind == 'none':
        return tf.distribute.get_strategy()
    if kind == 'multi_worker':
        name_machines()
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices = tf.config.list_logical_devices
    return tf.distribute.MirroredStrategy([d.name for d in devices('GPU') or devices('CPU')])


def name_machines():
    """Sets TF_CONFIG by what Slurm tells, unless it is set; Slurm itself gives GPUs to tasks."""
    if 'TF_CONFIG' not in os.environ:
        tasks = int(os.environ['SLURM_STEP_NUM_TASKS'])
        slurm = tf.distribute.cluster_resolver.SlurmClusterResolver(
            gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False
        )
        cluster, (job, index) = slurm.cluster_spec().as_dict(), slurm.get_task_info()
        task = {'type': job, 'index': index}
        os.environ['TF_CONFIG'] = json.dumps({'cluster': cluster, 'task': task})


def largest(numbers):
    """For each of these whole numbers the largest that a process of the cluster has."""
    return tuple(gathered(tf.constant([numbers], tf.int64)).numpy().max(axis=0).tolist())


@tf.function
def gathered(numbers):
    """The numbers (1, N) of all replicas: (replicas, N)."""
    strategy = strategy_of('multi_worker')
    return strategy.gather(strategy.run(tf.identity, (numbers,)), axis=0)


def prepare(model, settings):
    """Makes `model` ready for the replicas of the current strategy, if there are several.

    Raises:
      InputError: the batch cannot be divided among them, or a loss is no mean over examples.
    """
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if settings.batch_size % replicas:
        raise InputError(
            f'--batch_size={settings.batch_size}: cannot be divided among {replicas} devices; '
            f'choose a multiple of {replicas}'
        )
    if replicas > 1 and model.over_batch:
        raise InputError(
            f'--distribute={settings.distribute}: {model.over_batch} compares the images of a '
            'whole batch, which several devices do not see; train this model on one'
        )
    if replicas > 1 and settings.sync_batch_norm:
        synchronise(model)


def synchronise(model):
    """Lets batch norm normalise by the whole batch and not by the part of a replica."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True


def described(settings, replicas):
    """On what a run is trained, in words; the bits of the result depend on it."""
    if settings.distribute == 'none':
        return ALONE
    devices = f'{replicas} replica{"s" * (replicas > 1)}'
    return f'{devices}, synchronised batch norm' if settings.sync_batch_norm else devices


def part(rows):
    """The rows (batch / replicas,) of a batch (batch,) that this replica sees, in order."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return rows
    count = rows.shape[0] // context.num_replicas_in_sync
    return tf.slice(rows, [context.replica_id_in_sync_group * count], [count])


def mean(values):
    """The means over the replicas of a nested structure of tensors; whole numbers stay."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    found = [tf.convert_to_tensor(value) for value in tf.nest.flatten(values)]
    for kind in dict.fromkeys(value.dtype for value in found if value.dtype.is_floating):
        places = [i for i, value in enumerate(found) if value.dtype == kind]
        means = context.all_reduce('MEAN', [found[i] for i in places])
        for i, value in zip(places, means, strict=True):
            found[i] = value
    return tf.nest.pack_sequence_as(values, found)


def weight(loss):
    """What a replica's loss weighs, as a scalar of its type.

    Keras sums gradients over the replicas; so weighted, the sum is their mean.
    """
    return tf.constant(1.0 / tf.distribute.get_strategy().num_replicas_in_sync, loss.dtype)

"""Modules of Flax and Equinox as the two functions that a network is.

The libraries are imported when a function is called: each is needed only by who uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ntksim_jax.functions import Functions


def from_flax(module: Any, input_shape: tuple[int, ...], **call: Any) -> Functions:
    """Return the functions of a Flax linen module, which takes points (N, *input_shape).

    The collection ``params`` is trained, others such as ``batch_stats`` stand still. ``call`` are
    further arguments of the module's ``__call__``, for example ``train=False``.
    """
    import jax.numpy as jnp

    def init(key: Any) -> Any:
        return module.init(key, jnp.zeros((1, *input_shape)), **call)

    def apply(variables: Any, x: Any) -> Any:
        return module.apply(variables, x, **call)

    return Functions(init, apply, lambda name: name.startswith("params."))


def from_nnx(make: Callable[[Any], Any], **call: Any) -> Functions:
    """Return the functions of a Flax nnx module, made by ``make(rngs)``, which takes many points.

    Variables of type ``nnx.Param`` are trained, others stand still. The module runs in evaluation
    mode (``module.eval()``); ``call`` are further arguments of its ``__call__``.
    """
    from flax import nnx

    def module(key: Any) -> Any:
        made = make(nnx.Rngs(key))
        made.eval()
        return made

    def split(made: Any) -> tuple[Any, Any, Any]:
        definition, params, others = nnx.split(made, nnx.Param, ...)
        return definition, params, others

    def init(key: Any) -> Any:
        _, params, others = split(module(key))
        return {"params": nnx.to_pure_dict(params), "others": nnx.to_pure_dict(others)}

    def apply(variables: Any, x: Any) -> Any:
        definition, params, others = split(nnx.eval_shape(lambda: module(0)))
        nnx.replace_by_pure_dict(params, variables["params"])
        nnx.replace_by_pure_dict(others, variables["others"])
        return nnx.merge(definition, params, others)(x, **call)

    return Functions(init, apply, lambda name: name.startswith("params."))


def from_equinox(make: Callable[[Any], Any]) -> Functions:
    """Return the functions of an Equinox module, made by ``make(key)``, which takes one point.

    Its floating-point arrays are trained. The module runs in inference mode. Modules that return
    their state as well, such as ``equinox.nn.BatchNorm``, depend on other points and have no place
    here.
    """
    import equinox
    import jax

    def module(key: Any) -> Any:
        return equinox.nn.inference_mode(make(key))

    def init(key: Any) -> Any:
        return equinox.filter(module(key), equinox.is_array)

    def apply(arrays: Any, x: Any) -> Any:
        shapes = equinox.filter_eval_shape(module, jax.random.key(0))
        others = equinox.filter(shapes, lambda part: not isinstance(part, jax.ShapeDtypeStruct))
        return jax.vmap(equinox.combine(arrays, others))(x)

    return Functions(init, apply)

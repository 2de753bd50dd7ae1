"""The optimiser of a plan, and its learning rate at every step.

The rate is a function of the step alone, so a run that goes on after a kill needs nothing but the
number of the step.
"""

import math
from collections.abc import Iterable, Mapping

import torch
from torch.optim import SGD, Adam, AdamW, Optimizer

from verilens.train.recipe import Plan


def optimiser(groups: Iterable[Mapping[str, object]], plan: Plan) -> Optimizer:
    """Return the plan's optimiser.

    groups: as of `Method.parameter_groups`; a group's own "lr" follows the schedule in proportion.
    """
    listed = [dict(group) for group in groups]
    for group in listed:
        group.setdefault("lr", plan.lr)
        group["base_lr"] = group["lr"]
    if plan.optimiser == "sgd":
        return SGD(
            listed,
            plan.lr,
            momentum=plan.momentum,
            nesterov=plan.nesterov,
            weight_decay=plan.weight_decay,
        )
    cls: type[torch.optim.Adam] = AdamW if plan.optimiser == "adamw" else Adam
    return cls(
        listed,
        plan.lr,
        betas=plan.betas,
        weight_decay=plan.weight_decay,
        amsgrad=plan.amsgrad,
    )


def total_steps(plan: Plan, epoch_steps: int) -> int:
    """Return how many optimiser steps a whole run takes; epoch_steps: of one epoch."""
    steps = plan.epochs * epoch_steps
    return min(plan.steps, steps) if plan.steps else steps


def rate(plan: Plan, n: int, epoch_steps: int) -> float:
    """Return the learning rate of step `n`, counted from 0."""
    if n < plan.warmup_steps:
        return plan.lr * (n + 1) / plan.warmup_steps
    epoch = n // epoch_steps
    if plan.schedule in ("cosine", "linear"):
        length = max(1, total_steps(plan, epoch_steps) - plan.warmup_steps)
        progress = min(1.0, (n - plan.warmup_steps) / length)
        is_linear = plan.schedule == "linear"
        left = 1 - progress if is_linear else (1 + math.cos(math.pi * progress)) / 2
        return plan.lr_floor + (plan.lr - plan.lr_floor) * left
    falls = epoch // plan.lr_every_epochs if plan.lr_every_epochs else 0
    if plan.schedule == "milestones":
        falls = sum(epoch >= milestone for milestone in plan.lr_milestones)
    return max(plan.lr_floor, plan.lr * plan.lr_factor**falls)


def set_rate(optimiser: Optimizer, plan: Plan, lr: float) -> None:
    """Give every group the rate `lr`, in proportion to its own."""
    for group in optimiser.param_groups:
        group["lr"] = lr * group["base_lr"] / plan.lr

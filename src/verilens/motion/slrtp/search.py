"""Beam search: the likeliest sentence among the few that are followed, without length penalty."""

from collections.abc import Callable

import torch
from torch import Tensor

Next = Callable[[Tensor, Tensor], Tensor]


def beam_search(
    following: Next, starts: Tensor, end: int, beam: int, longest: int
) -> list[list[int]]:
    """Return the likeliest words of each sentence, up to its end or `longest` of them.

    following: gives the logits of the next word, (R, words), for beginnings (R, N) of the sentences
        named by (R,). starts: the id that begins each sentence, (S,); end: the id that ends it.
    A sentence is done when its first hypothesis is finished. One that is finished below the first
    is noted and keeps its place, as in the official search; what follows its end never scores more.
    """
    words = starts[:, None, None].expand(-1, beam, -1)
    scores = torch.full(words.shape[:2], -torch.inf, device=starts.device)
    scores[:, 0] = 0.0
    best: list[tuple[float, list[int]]] = [(-torch.inf, [])] * len(starts)
    active = torch.arange(len(starts), device=starts.device)
    for step in range(longest):
        rows = active.repeat_interleave(beam)
        logs = following(words.flatten(0, 1), rows).log_softmax(-1)
        options = (scores[..., None] + logs.view(len(active), beam, -1)).flatten(1)
        scores, chosen = options.topk(beam)
        parent = torch.div(chosen, logs.shape[-1], rounding_mode="floor")
        kept = words.gather(1, parent[..., None].expand(-1, -1, words.shape[-1]))
        words = torch.cat((kept, (chosen % logs.shape[-1])[..., None]), -1)
        finished = words[..., -1] == end
        if step + 1 == longest:
            finished[:] = True
        for row, column in finished.nonzero().tolist():
            score, sentence = float(scores[row, column]), int(active[row])
            if score > best[sentence][0]:
                best[sentence] = (score, words[row, column, 1:].tolist())
        going = ~finished[:, 0]
        active, words, scores = active[going], words[going], scores[going]
        if not len(active):
            break
    return [ids for _, ids in best]

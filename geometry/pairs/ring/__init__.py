"""The pass over all pairs by several processes, ranks: each owns a block of rows, and blocks of base rows go round.

Rank 0, the leader, runs the job; the others `serve`: they wait for a task, do their part, and wait again until they are
dismissed. For neighbours and radius counts, which grow with the square of n, the leader hands every rank its block of
queries and of base rows; then each rank meets block after block, while the next one is already on its way from the rank
before it, and merges what it finds. Within one set half of the blocks are enough: what a rank finds for the rows of
another goes home to them (`mutual`). Each block against each is an exact table or a count of whole numbers, ranked by
(squared distance, row number) or added up: neither the number of ranks nor who is quicker shows in a digit.

Left out: moments, radii of draws and sums over sampled rows, which grow with n and stay with the leader. Every pair of
blocks finds its own candidates of a row and measures them, so that ranks gain little before their blocks have some ten
thousand rows.
Nothing here starts by itself: `joined` does, called by the command line where a launcher says that there are ranks. A
training of the user's own that has torch.distributed running is left alone.
"""

from geometry.pairs.ring.executor import RingExecutor, around, leading, ranks
from geometry.pairs.ring.link import Link, joined
from geometry.pairs.ring.serving import dismiss, serve

__all__ = ["Link", "RingExecutor", "around", "dismiss", "joined", "leading", "ranks", "serve"]

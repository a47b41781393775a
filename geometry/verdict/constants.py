"""Every threshold of the verdict in one place, with where it comes from.

Gauge limits were measured on clouds of known structure, n = 1,000 to 3,000 and d = 96 to 784: nothing there stays below
.05 and .10; clusters, curved surfaces, digits and sentence embeddings lie above .10 or .15.
"""

RICH_GAIN, RICH_GAP = 0.10, 0.15  # either reached: structure
PLAIN_GAIN, PLAIN_GAP = 0.05, 0.10  # both kept: none
FEW_ROWS = 100  # distinct rows below which the gauges have no power
SPHERE_DIMENSIONS = (
    8.0  # angle_dimension above which a structureless set is a sphere to the eye; padding leaves it alone
)

COPIES = 0.99  # share of copies that makes a point of a set
ROUNDING = 4.0  # spread below this many units of rounding of the coordinates: a point
FAR_POINT = 1e4  # norm(mean) / spread above which the set is a point to any use
LOST_SCALE, LOST_SCALE_FAR = 1e-4, 100.0  # with a reference: share of its variance, and norm(mean) / spread with it

CONE = 0.7  # norm(mean) over rms norm of the raw rows
CENTRED_CONE = 0.1  # below it, L2 normalisation alone makes a set hollow
HOLLOW = 0.2  # radial CV over that of a Gaussian of the same spectrum
HOLLOW_DIMENSIONS = 1.5  # angle_dimension below which it is two clusters with a gap between, and no inside; a circle: 2
HEAVY_CV, HEAVY_RATIO = 0.5, 3.0  # radial CV, and over the Gaussian one
DUPLICATED = 0.01  # share of near copies
NARROW = 0.5  # of the null of recall or coverage, of the reference's modes, of its effective rank

VARIANCE = (0.5, 2.0)  # ratio to the reference outside which a change has a name
DIMENSION = (0.67, 1.5)
TAILS = (0.5, 2.0)  # over the 5 % beyond the reference's 95 % density quantile
STRUCTURE_KEPT = 0.5  # of the reference's gauges
DUPLICATES_UP = 0.01
LEVEL = 0.01  # family-wise, over changes and generations

"""Networks in training as scikit-learn estimators, and their kernels for its Gaussian processes.

Importing this needs scikit-learn; nothing else of the host does.
"""

from ntksim.estimators.classifier import NTKClassifier
from ntksim.estimators.kernel import NTKKernel
from ntksim.estimators.regressor import NTKRegressor

__all__ = ["NTKClassifier", "NTKKernel", "NTKRegressor"]

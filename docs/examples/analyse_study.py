"""Run a small study and analyse what it stored, from Python.

Run it in the root of the project:

    python docs/examples/analyse_study.py

It takes some seconds, prints what it finds, and draws it into ``predictors.png``. Run it again, and
only the analysis is done: finished cells are in the store.
"""

from typing import Any

import matplotlib as mpl
import ntksim

mpl.use("Agg")  # a file, no window

import matplotlib.pyplot as plt

summary = ntksim.run("studies/predictors.yaml")
results: Any = ntksim.open_results(summary.store)  # a DataTree of xarray, with the accessor .ntk
print(results.ntk.provenance.splitlines()[0])
print("cells that failed:", results.ntk.cells("failed").sizes["cell"])
data: Any = results.ntk.dataset()  # the only dataset of this study

# How far the predictors are apart, and the power of the width by which they meet.
late = data.ntk.at_time(30)
pairs = {
    "kernel at start and its limit": late.ntk.gap("empirical", "analytic").sel(solver="eigh"),
    "training and its linearisation": late.ntk.gap("trained", "eigh").sel(kernel="empirical"),
}
laws = {name: late.ntk.width_exponent(gap).squeeze() for name, gap in pairs.items()}
for name, law in laws.items():
    print(f"{name}: width^({float(law.exponent):.2f} ± {float(law.standard_error):.2f})")

# The loss between its bounds: with a constant kernel always, in real training nearly.
bounds = data.ntk.bounds().sel(kernel="empirical")
linearised = float(bounds.violation.sel(solver="eigh").max())
print(f"largest violation of a bound by the linearised network: {linearised:.1e}")

# Where the labels lie in the spectrum, and how long their modes take.
spectrum = data.ntk.spectrum().sel(kernel="analytic", solver="eigh", seed=0).isel(width=-1)
slowest = spectrum.squeeze().isel(mode=-1)
print(
    f"the slowest mode takes {float(slowest.time_constant):.0f} and "
    f"holds {float(slowest.label_share):.0%} of the labels"
)

figure, ((gaps, loss), (modes, fit)) = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")

for (name, gap), colour in zip(pairs.items(), ("C0", "C1"), strict=True):
    widths = gap.width[gap.width < float("inf")]
    values = gap.squeeze().sel(width=widths)
    gaps.loglog(widths, values, "o", color=colour, alpha=0.5)  # a point for every seed
    line = float(laws[name].prefactor) * widths ** float(laws[name].exponent)
    gaps.loglog(widths, line, color=colour, label=name)
gaps.set(xlabel="width", ylabel="gap between predictors at t = 30")
gaps.legend()

one = bounds.sel(solver="trained", width=1024, seed=0).squeeze()
loss.loglog(one.time, one.loss_train, label="measured")
for name, side in zip(one.bound.values, one.side.values, strict=True):
    loss.loglog(one.time, one[str(name)], "--", label=f"{side} bound ({name})")
loss.set(xlabel="training time", ylabel="training loss", ylim=(1e-6, 1))
loss.legend(fontsize="small")

whole = spectrum.squeeze()
modes.semilogy(whole.mode, whole.eigenvalue, "o-", label="eigenvalue")
modes.semilogy(whole.mode, whole.label_share, "s--", label="share of the labels")
modes.set(xlabel="mode", xticks=whole.mode)
modes.legend()

place = data.x_test.isel(feature=0)
for width in (64, 1024):
    chosen = {"width": width, "kernel": "empirical", "solver": "trained"}
    band = late.ntk.chosen(chosen).ntk.over_seeds("prediction_test").squeeze()
    fit.plot(place, band["mean"], label=f"width {width}")
    fit.fill_between(place, band.low, band.high, alpha=0.2)
fit.plot(data.x_train.isel(feature=0), data.y_train.isel(output=0), "ko", label="data")
fit.set(xlabel="input", ylabel="output, mean and spread over seeds")
fit.legend()

figure.savefig("predictors.png", dpi=150)
print("drawn into predictors.png")

"""What the LocUNet paper reports (Yapar et al. 2022, tables III to IX; 256 x 256 pixels of 1 m)."""

from __future__ import annotations

# Mean error in metres with 5 and with 3 transmitters.
TABLE_III = {
    "nominal": {
        "kNN": (6.95, 17.27), "kNN conditional": (6.93, 16.56), "kNN adaptive": (7.49, 16.18),
        "LocUNet": (4.80, 10.70),
    },
    "robust": {
        "kNN": (27.38, 38.54), "kNN conditional": (24.44, 32.83), "kNN adaptive": (29.51, 45.31),
        "LocUNet": (13.14, 19.06),
    },
}  # fmt: skip
# By the number of transmitters above the noise floor, 1 to 5, in the Robustness scenario.
TABLE_IV = {
    "kNN": (69.81, 48.89, 34.62, 26.30, 19.62),
    "kNN conditional": (46.25, 35.56, 29.88, 24.28, 19.62),
    "LocUNet": (30.51, 21.89, 16.31, 13.28, 9.62),
    "share of users": (2.19, 8.32, 17.68, 23.44, 48.37),
}
# Trained in one scenario, measured in DPM, DPM with cars, IRT, IRT with cars.
TABLE_V = {
    "LocUNet Nominal": (4.80, 8.80, 20.07, 25.64), "kNN Nominal": (6.95, 11.29, 24.38, 28.56),
    "LocUNet Robustness": (12.94, 12.52, 11.93, 13.14),
    "kNN Robustness": (9.22, 12.46, 23.41, 27.38),
}  # fmt: skip
# Noise of the training labels and of the transmitters' places, sigma m: mean error in Robustness.
TABLE_VI = {
    "kNN": {0: 27.38, 5: 27.20, 15: 27.13, 25: 27.20},
    "LocUNet": {0: 13.14, 5: 13.47, 15: 13.79, 25: 13.58},
}
TABLE_VII = {
    "transmitters": {
        "kNN": {5: 30.91, 15: 43.67, 25: 57.95}, "LocUNet": {5: 16.42, 15: 29.01, 25: 40.96},
    },
    "transmitters learned": {
        "kNN": {5: 30.11, 15: 38.81, 25: 45.19}, "LocUNet": {5: 16.26, 15: 25.43, 25: 34.09},
    },
}  # fmt: skip
# Mean error and RMSE in Robustness; None = did not converge.
TABLE_IX = {
    "LocUNet 5000 steps": (13.14, 21.78), "LocUNet softmax": (14.05, 23.47),
    "LocUNet sigmoid": (13.15, 23.09), "LocUNet ReLU": None, "LocUNet MSE": (14.45, 21.93),
    "LocUNet without buildings": (13.32, 23.66), "LocUNet without transmitters": (12.86, 22.26),
    "LocUNet of radio maps alone": (13.05, 22.37),
}  # fmt: skip
# Of ranging by time of arrival with 5 and 3 transmitters, at noise of 0, 10 and 20 m.
TABLE_VIII = {
    "POCS": (37.75, 46.15, 39.36, 47.26, 41.27, 48.72),
    "SDP": (6.81, 13.95, 15.52, 27.81, 24.88, 41.02),
    "robust SDP 1, b = 20": (9.98, 17.10, 17.02, 27.59, 27.76, 40.37),
    "robust SDP 1, b = 0.7": (7.04, 15.38, 17.13, 28.12, 28.42, 41.74),
    "robust SDP 2, b = 20": (12.53, 19.63, 18.66, 28.59, 27.81, 39.93),
    "robust SDP 2, b = 0.7": (7.14, 15.63, 17.10, 28.10, 28.39, 41.72),
    "bisection, b = 20": (9.16, 15.87, 14.42, 25.40, 23.30, 38.14),
    "bisection, b = 0.7": (9.49, 14.95, 14.80, 27.35, 24.09, 40.75),
    "correntropy": (12.44, 18.40, 20.54, 31.27, 31.91, 45.68),
}

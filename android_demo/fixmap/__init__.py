"""The demo app: a floor plan with the fix, its 68 % circle and what decided it."""

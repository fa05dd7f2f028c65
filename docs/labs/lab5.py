# SPDX-License-Identifier: Apache-2.0
"""This file is about the exercises of lab 5: replace each `...`, then: python docs/labs/check.py THIS_FILE"""

# 5.1  A number as text: "p/q".
half = ...

# 5.2  An integer.
k = ...

# 5.3  An integer.
rows = ...

; SPDX-License-Identifier: Apache-2.0
; This file is about the multiplication with a square root and scalings: it takes every one.
(set-info :smt-lib-version 2.6)
(set-logic QF_NRA)
(declare-const d Real)
(declare-const root Real)
(assert (> root 0))
(assert (= (* root root) d))
(declare-const c Real)
(declare-const y Real)
(assert (not (= (* root (* c y)) (* c (* root y)))))
(set-info :status unsat)
(check-sat)

; SPDX-License-Identifier: Apache-2.0
; This file is about ReLU and positive scalings: relu(c y) = c relu(y) for every c > 0 and y.
(set-info :smt-lib-version 2.6)
(set-logic QF_NRA)
(define-fun relu ((y Real)) Real (ite (>= y 0) y 0))
(declare-const c Real)
(declare-const y Real)
(assert (> c 0))
(assert (not (= (relu (* c y)) (* c (relu y)))))
(set-info :status unsat)
(check-sat)

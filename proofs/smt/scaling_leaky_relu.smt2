; SPDX-License-Identifier: Apache-2.0
; This file is about LeakyReLU of any real slope a and positive scalings: sigma(c y) = c sigma(y) for every c > 0 and y.
(set-info :smt-lib-version 2.6)
(set-logic QF_NRA)
(define-fun leaky ((a Real) (y Real)) Real (ite (>= y 0) y (* a y)))
(declare-const a Real)
(declare-const c Real)
(declare-const y Real)
(assert (> c 0))
(assert (not (= (leaky a (* c y)) (* c (leaky a y)))))
(set-info :status unsat)
(check-sat)

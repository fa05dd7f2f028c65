; SPDX-License-Identifier: Apache-2.0
; This file is about neurons of opposite sign: relu(y) - relu(-y) = y, and leaky(y) - leaky(-y) = (1 + a) y.
(set-info :smt-lib-version 2.6)
(set-logic QF_NRA)
(define-fun relu ((y Real)) Real (ite (>= y 0) y 0))
(define-fun leaky ((a Real) (y Real)) Real (ite (>= y 0) y (* a y)))
(declare-const a Real)
(declare-const y Real)
; ReLU
(push 1)
(assert (not (= (- (relu y) (relu (- y))) y)))
(set-info :status unsat)
(check-sat)
(pop 1)
; LeakyReLU
(push 1)
(assert (not (= (- (leaky a y) (leaky a (- y))) (* (+ 1 a) y))))
(set-info :status unsat)
(check-sat)
(pop 1)

; SPDX-License-Identifier: Apache-2.0
; This file is about one class, one activation: different ones are not proportional, so a class may hold one only.
(set-info :smt-lib-version 2.6)
(set-logic QF_NRA)
(define-fun relu ((y Real)) Real (ite (>= y 0) y 0))
(define-fun leaky ((a Real) (y Real)) Real (ite (>= y 0) y (* a y)))
(declare-const a Real)
(declare-const b Real)
(declare-const c Real)
; two slopes and a ratio c > 0 that agree at 1 and -1 are equal slopes
(push 1)
(assert (> c 0))
(assert (not (= a b)))
(assert (= (leaky a 1) (* c (leaky b 1))))
(assert (= (leaky a (- 1)) (* c (leaky b (- 1)))))
(set-info :status unsat)
(check-sat)
(pop 1)
; ReLU and the identity differ at c
(push 1)
(assert (not (= (relu c) c)))
(set-info :status sat)
(check-sat)
(pop 1)

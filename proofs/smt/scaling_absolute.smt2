; SPDX-License-Identifier: Apache-2.0
; This file is about the absolute value and all scalings: |c y| = |c| |y| for every c and y.
(set-info :smt-lib-version 2.6)
(set-logic QF_NRA)
(define-fun absolute ((y Real)) Real (ite (>= y 0) y (- y)))
(declare-const c Real)
(declare-const y Real)
(assert (not (= (absolute (* c y)) (* (absolute c) (absolute y)))))
(set-info :status unsat)
(check-sat)

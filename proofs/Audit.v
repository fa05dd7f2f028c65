(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about what this folder promises: what it prints is compared with Audit.out, so that no statement becomes weaker
   unseen.  AuditDefinitions.v does the same for the definitions that the statements use.

   Check               a theorem's statement
   Print Assumptions   the axioms that it rests on

   `make audit` sees that every theorem is here. *)
From Coq Require Import List Reals ZArith.
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Network ImageNetwork ImageChecker ImageProof Numbers Functions Meaning Laws Layers Checker CheckerProof Refuter RefuterProof Domain DomainProof BoundParallel BoundClaim BoundNetwork Canonical CanonicalProof Main Bridge Example.
From Exactlump Require Paper Activation Lumping LumpingProof Maximum MaximumProof Erratum Relaxation Simulation SimulationProof PaperMain.
From Exactlump Require Completeness SameSign Dichotomy Pruning Markov MarkovMaximum MarkovExamples.
Import GRing.Theory Num.Theory.
Set Printing Width 120.

Check LumpingProof.theorem_1_semantics_preserved.
Print Assumptions LumpingProof.theorem_1_semantics_preserved.
Check MaximumProof.same_key_iff_proportional.
Print Assumptions MaximumProof.same_key_iff_proportional.
Check MaximumProof.theorem_2_maximum_exists.
Print Assumptions MaximumProof.theorem_2_maximum_exists.
Check MaximumProof.theorem_2_maximum_unique.
Print Assumptions MaximumProof.theorem_2_maximum_unique.
Check PaperMain.theorem_1_leaky_relu.
Print Assumptions PaperMain.theorem_1_leaky_relu.
Check PaperMain.theorem_1_one_function.
Print Assumptions PaperMain.theorem_1_one_function.
Check PaperMain.maximum_reduction_preserves.
Print Assumptions PaperMain.maximum_reduction_preserves.
Check PaperMain.theorem_1_rationals.
Print Assumptions PaperMain.theorem_1_rationals.
Check PaperMain.theorem_1_reals.
Print Assumptions PaperMain.theorem_1_reals.
Check Erratum.printed_definition_6_is_unsound.
Print Assumptions Erratum.printed_definition_6_is_unsound.
Check Erratum.no_maximum_if_dead_nodes_count.
Print Assumptions Erratum.no_maximum_if_dead_nodes_count.
Check Relaxation.theorem_7_closed_form.
Print Assumptions Relaxation.theorem_7_closed_form.
Check Relaxation.leaky_exact_iff_same_sign.
Print Assumptions Relaxation.leaky_exact_iff_same_sign.
Check Relaxation.relu_exact_iff_same_sign.
Print Assumptions Relaxation.relu_exact_iff_same_sign.
Check Relaxation.leaky_exact_iff_triangle.
Print Assumptions Relaxation.leaky_exact_iff_triangle.
Check Relaxation.paper_relaxation_leaky.
Print Assumptions Relaxation.paper_relaxation_leaky.
Check Relaxation.paper_relaxation.
Print Assumptions Relaxation.paper_relaxation.
Check Relaxation.paper_relaxation_needs_positive_coefficients.
Print Assumptions Relaxation.paper_relaxation_needs_positive_coefficients.
Check Completeness.theorem_3_one_other_neuron.
Print Assumptions Completeness.theorem_3_one_other_neuron.
Check Completeness.proportionality_is_not_necessary.
Print Assumptions Completeness.proportionality_is_not_necessary.
Check SameSign.same_sign_loses_nothing.
Print Assumptions SameSign.same_sign_loses_nothing.
Check SameSign.same_sign_needs_coefficients_of_one_sign.
Print Assumptions SameSign.same_sign_needs_coefficients_of_one_sign.
Check SameSign.same_sign_needs_biases_of_one_sign.
Print Assumptions SameSign.same_sign_needs_biases_of_one_sign.
Check SameSign.same_sign_needs_inputs_of_one_sign.
Print Assumptions SameSign.same_sign_needs_inputs_of_one_sign.
Check SameSign.one_neuron_is_enough_to_lose.
Print Assumptions SameSign.one_neuron_is_enough_to_lose.
Check Dichotomy.theorem_13_dichotomy.
Print Assumptions Dichotomy.theorem_13_dichotomy.
Check Pruning.example_1_one_node.
Print Assumptions Pruning.example_1_one_node.
Check Pruning.example_3_pruning_one_node.
Print Assumptions Pruning.example_3_pruning_one_node.
Check Markov.exact_is_proportional.
Print Assumptions Markov.exact_is_proportional.
Check Markov.quotient_is_a_chain.
Print Assumptions Markov.quotient_is_a_chain.
Check Markov.stationary_spreads.
Print Assumptions Markov.stationary_spreads.
Check Markov.stationary_gathers.
Print Assumptions Markov.stationary_gathers.
Check Markov.lumped_states_have_equal_mass.
Print Assumptions Markov.lumped_states_have_equal_mass.
Check MarkovMaximum.maximum_proportional_lumpability_exists.
Print Assumptions MarkovMaximum.maximum_proportional_lumpability_exists.
Check MarkovMaximum.maximum_proportional_lumpability_unique.
Print Assumptions MarkovMaximum.maximum_proportional_lumpability_unique.
Check MarkovExamples.summed_rates_are_no_quotient.
Print Assumptions MarkovExamples.summed_rates_are_no_quotient.
Check MarkovExamples.example_2_is_lumpable.
Print Assumptions MarkovExamples.example_2_is_lumpable.
Check SimulationProof.simulation_sound.
Print Assumptions SimulationProof.simulation_sound.
Check SimulationProof.theorem_5_simulation.
Print Assumptions SimulationProof.theorem_5_simulation.
Check SimulationProof.lumping_is_a_simulation.
Print Assumptions SimulationProof.lumping_is_a_simulation.
Check SimulationProof.fuse_preserves_semantics.
Print Assumptions SimulationProof.fuse_preserves_semantics.
Check SimulationProof.remove_preserves_semantics.
Print Assumptions SimulationProof.remove_preserves_semantics.
Check Layers.layered_semantics.
Print Assumptions Layers.layered_semantics.
Check Bridge.paper_semantics.
Print Assumptions Bridge.paper_semantics.
Check Bridge.accepted_networks_are_equal_in_the_paper.
Print Assumptions Bridge.accepted_networks_are_equal_in_the_paper.
Check Laws.real_lawful.
Print Assumptions Laws.real_lawful.
Check CheckerProof.check_sound.
Print Assumptions CheckerProof.check_sound.
Check RefuterProof.refute_sound.
Print Assumptions RefuterProof.refute_sound.
Check Main.accepted_networks_are_equal.
Print Assumptions Main.accepted_networks_are_equal.
Check ImageProof.check_images_sound.
Print Assumptions ImageProof.check_images_sound.
Check Main.accepted_images_are_equal.
Print Assumptions Main.accepted_images_are_equal.
Check Main.accepted_images_are_equal_everywhere.
Print Assumptions Main.accepted_images_are_equal_everywhere.
Check Main.accepted_networks_are_equal_everywhere.
Print Assumptions Main.accepted_networks_are_equal_everywhere.
Check Main.accepted_networks_are_equal_rationally.
Print Assumptions Main.accepted_networks_are_equal_rationally.
Check Main.accepted_networks_are_equal_on_the_domain.
Print Assumptions Main.accepted_networks_are_equal_on_the_domain.
Check Main.refuted_networks_differ.
Print Assumptions Main.refuted_networks_differ.
Check CanonicalProof.canonical_accepted.
Print Assumptions CanonicalProof.canonical_accepted.
Check BoundParallel.walk_parts.
Print Assumptions BoundParallel.walk_parts.
Check BoundNetwork.within_sound.
Print Assumptions BoundNetwork.within_sound.
Check BoundNetwork.parts_sound.
Print Assumptions BoundNetwork.parts_sound.
Check Main.bounded_networks_are_close.
Print Assumptions Main.bounded_networks_are_close.
Check Main.bounded_networks_are_close_by_parts.
Print Assumptions Main.bounded_networks_are_close_by_parts.
Check Example.example_on_a_domain.
Print Assumptions Example.example_on_a_domain.
Check Example.example_differs.
Print Assumptions Example.example_differs.
Check Example.example_is_close.
Print Assumptions Example.example_is_close.
Check Example.doubled_accepted.
Print Assumptions Example.doubled_accepted.
Check Example.example_is_equal.
Print Assumptions Example.example_is_equal.

Print BoundNetwork.inside_box.
Print BoundNetwork.close.
Print Bridge.numbers_of.
Print Bridge.at_.
Print Bridge.coefficient.
Print Bridge.no_unit.
Print Bridge.unit_of.
Print Bridge.width.
Print Bridge.paper_layer.
Print Bridge.outputs.
Print Bridge.paper_network.
Print Example.relu.
Print Example.linear.
Print Example.from_0.
Print Example.residual.
Print Example.smaller.
Print Example.residual_claims.
Print Example.twins.
Print Example.skipped.
Print Example.twin_claims.
Print Example.bent.
Print Example.many.
Print Example.few.
Print Example.many_claims.
Check Example.example_of_images.
Print Assumptions Example.example_of_images.
Print Example.tapped.
Print Example.tapped_less.
Print Example.tapped_claims.
Print Example.tapped_twice.
Print Example.wrong.
Print Example.plain.
Print Example.doubled.
Print Example.doubled_classes.
Print Example.idle.
Print Example.busy.
Print Example.idle_claims.
Print Example.idle_modes.
Print Example.bent_once.
Print Example.bent_less.
Print Example.halved.
Print Checker.check.
Print Refuter.refute.

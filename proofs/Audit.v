(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about what this folder promises: what it prints is compared with Audit.out, so that no statement and no
   definition becomes weaker unseen.

   Check, Print Assumptions   a theorem: its statement, and the axioms that it rests on
   Print                      a definition that the statements use

   `make audit` sees that every theorem and every such definition is here. *)
From Coq Require Import List Reals ZArith.
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Network Numbers Meaning Checker CheckerProof Main Bridge Example.
From Exactlump Require Paper Activation Lumping LumpingProof Maximum MaximumProof Erratum Relaxation Simulation SimulationProof PaperMain.
From Exactlump Require Completeness SameSign Pruning Markov MarkovMaximum MarkovExamples.
Import GRing.Theory Num.Theory.
Set Printing Width 120.

(** Theorems. *)

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
Check PaperMain.theorem_1_rationals.
Print Assumptions PaperMain.theorem_1_rationals.
Check PaperMain.theorem_1_reals.
Print Assumptions PaperMain.theorem_1_reals.
Check PaperMain.maximum_reduction_preserves.
Print Assumptions PaperMain.maximum_reduction_preserves.
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
Check Relaxation.paper_relaxation.
Print Assumptions Relaxation.paper_relaxation.
Check Relaxation.paper_relaxation_leaky.
Print Assumptions Relaxation.paper_relaxation_leaky.
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
Check Bridge.paper_semantics.
Print Assumptions Bridge.paper_semantics.
Check Bridge.accepted_networks_are_equal_in_the_paper.
Print Assumptions Bridge.accepted_networks_are_equal_in_the_paper.
Check CheckerProof.check_sound.
Print Assumptions CheckerProof.check_sound.
Check Main.accepted_networks_are_equal.
Print Assumptions Main.accepted_networks_are_equal.
Check Main.accepted_networks_are_equal_rationally.
Print Assumptions Main.accepted_networks_are_equal_rationally.
Check Main.accepted_networks_are_equal_everywhere.
Print Assumptions Main.accepted_networks_are_equal_everywhere.
Check Example.example_is_equal.
Print Assumptions Example.example_is_equal.

(** Definitions. *)

Print Network.numbers.
Print Network.ordered_field.
Print Network.of_positive.
Print Network.of_Z.
Print Network.name.
Print Network.function.
Print Network.head.
Print Network.meaning.
Print Network.apply.
Print Network.neuron.
Print Network.layer.
Print Network.network.
Print Network.weighted_sum.
Print Network.preactivation.
Print Network.eval_layer.
Print Network.eval_layers.
Print Network.eval.
Print Numbers.Rationals.
Print Numbers.Reals.
Print Meaning.real_function.
Print Meaning.sum_of_exp.
Print Meaning.real_head.
Print Meaning.real_meaning.
Print Meaning.rational_function.
Print Meaning.rational_meaning.
Print Paper.layer.
Print Paper.network.
Print Paper.preactivation.
Print Paper.layer_semantics.
Print Paper.eval.
Print Activation.positively_homogeneous.
Print Activation.leaky.
Print Activation.relu.
Print Activation.identity.
Print Activation.absolute.
Print Lumping.lump.
Print Lumping.proper.
Print Lumping.identity_lump.
Print Lumping.class_sum.
Print Lumping.live.
Print Lumping.lumpable.
Print Lumping.lumping.
Print Lumping.lumpability_from.
Print Lumping.proportional_exact_lumpability.
Print Lumping.quotient_layer.
Print Lumping.quotient_from.
Print Lumping.quotient.
Print Maximum.scale.
Print Maximum.normal.
Print Maximum.sums.
Print Maximum.key.
Print Maximum.leader.
Print Maximum.canonical_classes.
Print Maximum.canonical.
Print Maximum.maximum_from.
Print Maximum.maximum.
Print Maximum.refines.
Print Maximum.same_relation.
Print Maximum.is_maximum.
Print Erratum.printed_sum.
Print Erratum.counting_sum.
Print Erratum.summation.
Print Erratum.lumpable_by.
Print Erratum.lumpability_by_from.
Print Erratum.printed_definition_6.
Print Erratum.definition_6_counting_dead.
Print Erratum.only_relu.
Print Erratum.doubling.
Print Erratum.copying.
Print Erratum.adding.
Print Erratum.network_1221.
Print Erratum.one_class.
Print Erratum.lumping_1221.
Print Erratum.dead_pair.
Print Erratum.v.
Print Erratum.t.
Print Erratum.s.
Print Erratum.above.
Print Erratum.three.
Print Erratum.sum_of_three.
Print Erratum.network_1231.
Print Erratum.pair_class.
Print Erratum.relating_v_t.
Print Erratum.relating_t_s.
Print Relaxation.defect.
Print Relaxation.same_sign.
Print Simulation.relation.
Print Simulation.value.
Print Simulation.holds.
Print Simulation.identity_relation.
Print Simulation.preserves.
Print Simulation.derives.
Print Simulation.derives_right.
Print Simulation.reaches.
Print Simulation.simulation.
Print Simulation.lump_relation.
Print Simulation.on_first.
Print Simulation.kept.
Print Simulation.dropped.
Print Simulation.remove_below.
Print Simulation.remove_above.
Print Simulation.remove.
Print Simulation.unread.
Print Simulation.removed_relation.
Print Simulation.fuse_layers.
Print Simulation.fuse.
Print Simulation.affine_relation.
Print Completeness.affine.
Print Completeness.four.
Print Completeness.four_value.
Print SameSign.fixed.
Print SameSign.combined.
Print SameSign.loses.
Print SameSign.nonnegative_layer.
Print SameSign.nonpositive_layer.
Print SameSign.pair.
Print SameSign.crossed.
Print Pruning.others.
Print Pruning.prune_above.
Print Pruning.prune.
Print Markov.chain.
Print Markov.stationary.
Print Markov.flow.
Print Markov.exact_lumpability.
Print Markov.proportional_lumpability.
Print Markov.summed_quotient.
Print Markov.size.
Print Markov.share.
Print Markov.quotient.
Print Markov.spread.
Print Markov.gathered.
Print MarkovMaximum.lumpable.
Print MarkovMaximum.is_maximum.
Print MarkovMaximum.lumpable_map.
Print MarkovMaximum.joined.
Print MarkovMaximum.maximum_class.
Print MarkovMaximum.label.
Print MarkovExamples.three_states.
Print MarkovExamples.is_some.
Print MarkovExamples.three_representative.
Print MarkovExamples.recomputed.
Print MarkovExamples.uniform.
Print MarkovExamples.rates.
Print MarkovExamples.rate.
Print MarkovExamples.eight_states.
Print MarkovExamples.eight_class.
Print MarkovExamples.eight_rho.
Print MarkovExamples.weighted_flow.
Print Bridge.numbers_of.
Print Bridge.at_.
Print Bridge.coefficient.
Print Bridge.no_unit.
Print Bridge.unit_of.
Print Bridge.width.
Print Bridge.paper_layer.
Print Bridge.outputs.
Print Bridge.paper_network.
Print Checker.check.
Print Example.relu.
Print Example.linear.
Print Example.doubled.
Print Example.single.
Print Example.identity_half.
Print Example.claiming.

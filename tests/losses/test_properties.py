"""Losses at points where the value is known, and what must not change them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax import losses
from ssl_jax.errors import UserError

RNG = np.random.default_rng(0)


def draw(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def close(actual, expected, **tolerances):
    np.testing.assert_allclose(
        actual, expected, **{"rtol": 1e-5, "atol": 2e-6, "equal_nan": False, **tolerances}
    )


def test_normalize_computes_in_float32_and_keeps_zero():
    rows = losses.normalize(jnp.array([[3.0, 4.0], [0.0, 0.0]], jnp.bfloat16))
    assert rows.dtype == jnp.float32
    close(rows, [[0.6, 0.8], [0.0, 0.0]])


def test_contrastive_losses_see_neither_the_order_nor_the_length_of_rows():
    first, second, third, order = draw(6, 4), draw(6, 4), draw(6, 4), RNG.permutation(6)
    scaled = first * np.arange(1, 7, dtype=np.float32)[:, None]
    value = losses.nt_xent(first, second, 0.3)
    close(losses.nt_xent(second, first, 0.3), value)
    close(losses.nt_xent(first[order], second[order], 0.3), value)
    close(losses.nt_xent(scaled, second, 0.3), value)
    close(losses.info_nce(scaled, second, 0.3), losses.info_nce(first, second, 0.3))
    close(
        losses.margin_contrastive(scaled, second, third, 0.5),
        losses.margin_contrastive(first, second, third, 0.5),
    )


def test_margin_contrastive_wants_the_positive_nearer():
    east, north = jnp.array([[2.0, 0.0]]), jnp.array([[0.0, 1.0]])
    close(losses.margin_contrastive(east, north, -east, 0.0), 0.0)
    close(losses.margin_contrastive(east, -east, north, 0.0), 2.0 - np.sqrt(2.0))
    close(losses.margin_contrastive(east, north, -east, 1.0), np.sqrt(2.0) - 1.0)


def test_distance_and_cosine_are_one_loss():
    p, z = draw(6, 4), draw(6, 4)
    close(losses.cosine_distance(p, z), 2 + 2 * losses.negative_cosine(p, z))
    close(losses.cosine_distance(p, z), losses.alignment(p, z))
    close(losses.cosine_distance(p, z), losses.centroid((p,), (z,)))
    close(losses.negative_cosine(p, -3.0 * p), 1.0)


def test_centroid_is_the_mean_over_all_pairs_less_the_spread_of_the_targets():
    p, z = tuple(draw(3, 6, 4)), tuple(draw(3, 6, 4))
    pairs = np.mean([losses.cosine_distance(a, b) for a in p for b in z])
    spread = np.mean(np.sum(np.var([losses.normalize(view) for view in z], axis=0), axis=-1))
    close(losses.centroid(p, z), pairs - spread)


@pytest.mark.parametrize("t", [2.0, 60.0])  # exp(-4 * 60) is below float32
def test_uniformity_of_opposite_orthogonal_and_zero_points(t):
    opposite = jnp.array([[1.0, 2.0], [-1.0, -2.0]])
    close(losses.uniformity(opposite, t), -4 * t)
    close(losses.uniformity(5 * jnp.eye(4), t), -2 * t)
    close(losses.uniformity(jnp.zeros((4, 3)), t), 0.0)


def test_brownian_direction_is_shared_by_views_and_differs_between_images_and_keys():
    key, same = jax.random.key(0), jnp.ones((4, 64))

    def push(views, key):
        return jax.grad(losses.brownian)(views, key)

    first, second = push((same, same), key)
    close(first, second)
    cosines = losses.normalize(first) @ losses.normalize(first).T
    assert np.abs(cosines - np.eye(4)).max() < 0.5
    (other,) = push((same,), jax.random.key(1))
    assert np.abs(np.sum(losses.normalize(other) * losses.normalize(first), axis=1)).max() < 0.5


def test_whitened_embeddings_are_the_minimum_of_the_statistics():
    white = losses.whiten(draw(16, 4) @ draw(4, 4) + 3.0)
    close(np.mean(white, axis=0), np.zeros(4), atol=1e-5)
    close(np.cov(white.T), np.eye(4), atol=1e-5)
    close(losses.singular_value((white, white)), 0.0)
    close(losses.vicreg(white, white), 0.0, atol=1e-4)
    close(losses.barlow_twins(white, white), 0.0)


def test_whitening_forgets_an_affine_map_up_to_a_rotation():
    rows = draw(16, 4)
    white, mapped = losses.whiten(rows), losses.whiten(rows @ draw(4, 4) + 3.0)
    close(mapped @ mapped.T, white @ white.T, atol=1e-4)


def test_whitening_maps_over_sub_batches():
    groups = draw(3, 8, 4)
    white = jax.vmap(losses.whiten)(groups)
    for ours, group in zip(white, groups, strict=True):
        close(ours, losses.whiten(group), atol=1e-5)


def test_too_few_images_are_named():
    with pytest.raises(UserError, match="whitening 4 dimensions needs more than 4 images, not 4"):
        losses.whiten(draw(4, 4))
    assert np.isfinite(losses.whiten(draw(4, 4), eps=0.1)).all()
    with pytest.raises(UserError, match="at least 2 embeddings, not 1"):
        losses.singular_value((draw(1, 4),))


def test_statistics_see_only_what_they_should():
    first, second = draw(8, 4), draw(8, 4)
    scale, shift = np.array([[3.0, -2.0, 5.0, 4.0]], np.float32), draw(1, 4)
    close(
        losses.barlow_twins(scale * first + shift, scale * second),
        losses.barlow_twins(first, second),
        rtol=1e-4,
    )
    close(losses.vicreg(first + shift, second + shift), losses.vicreg(first, second))
    close(losses.vicreg(second, first), losses.vicreg(first, second))
    close(losses.singular_value((first + shift,)), losses.singular_value((first,)))


def test_sinkhorn_uses_all_prototypes_equally():
    scores = losses.normalize(draw(12, 3)) @ losses.normalize(draw(4, 3)).T
    codes = losses.sinkhorn(scores, iterations=200)
    close(jnp.sum(codes, axis=1), np.ones(12))
    close(jnp.sum(codes, axis=0), np.full(4, 12 / 4), rtol=1e-3)
    close(jnp.sum(losses.sinkhorn(scores), axis=1), np.ones(12))
    # Their exponentials would be 0 and infinity; a constant per prototype changes nothing.
    shifted = scores + jnp.array([[-20.0, 0.0, 0.0, 20.0]])
    close(losses.sinkhorn(shifted), losses.sinkhorn(scores), rtol=1e-3)
    close(losses.sinkhorn(jnp.zeros((12, 4))), np.full((12, 4), 1 / 4))


def test_cross_entropy_of_equal_distributions_is_their_entropy_and_smallest():
    scores = draw(6, 5)
    codes = jax.nn.softmax(scores / 0.1)
    entropy = -np.mean(np.sum(codes * np.log(codes + 1e-30), axis=1))
    value, gradient = jax.value_and_grad(losses.code_cross_entropy, 1)(codes, scores, 0.1)
    close(value, entropy)
    close(gradient, np.zeros((6, 5)), atol=1e-5)


def test_dino_centres_and_sharpens_the_teacher():
    student, teacher, center = draw(6, 5), draw(6, 5), draw(5)

    @jax.jit
    def loss(teacher, center, temperature):
        return losses.dino(student, teacher, center, teacher_temperature=temperature)

    close(loss(teacher + 7.0 * center, 8.0 * center, 0.04), loss(teacher, center, 0.04), rtol=1e-3)
    sharp = np.argmax(teacher - center, axis=1)
    hard = losses.code_cross_entropy(np.eye(5, dtype=np.float32)[sharp], student, 0.1)
    close(loss(teacher, center, 1e-3), hard, rtol=1e-4)


def test_supervised_contrastive_without_classes_is_nt_xent():
    first, second = draw(6, 4), draw(6, 4)
    expected = losses.nt_xent(first, second, 0.3)
    for labels in (np.arange(6), np.full(6, -1)):
        close(losses.supervised_contrastive((first, second), labels, 0.3), expected)


def test_relational_consistency_is_least_where_queries_are_keys():
    queries, keys, queue = draw(6, 4), draw(6, 4), draw(9, 4)
    least = losses.relational_consistency(keys, keys, queue, 0.1, 0.1)
    assert least < losses.relational_consistency(queries, keys, queue, 0.1, 0.1)
    assert least < np.log(9)
    equal = losses.relational_consistency(np.zeros((6, 4)), keys, queue, 0.1, 0.04)
    close(equal, np.log(9))
    gradients = jax.grad(losses.relational_consistency, (1, 2))(queries, keys, queue, 0.1, 0.04)
    assert not any(np.any(gradient) for gradient in gradients)


def test_sigreg_is_small_for_a_normal_sample_of_any_size_and_grows_elsewhere():
    key = jax.random.key(0)
    # N times the variance of the empirical characteristic function, (1 - exp(-t^2)) / N.
    expected = np.sqrt(2 * np.pi) * (1 - 1 / np.sqrt(3))
    for count in (200, 2000):
        close(losses.sigreg(draw(count, 64), key), expected, rtol=0.15)
    normal = draw(500, 8)
    collapsed = losses.sigreg(np.zeros((500, 8), np.float32), key)
    # The integral over all t; the rule's ends and steps leave less than a thousandth.
    root = np.sqrt(2 * np.pi)
    close(collapsed, 500 * root * (1 - np.sqrt(2) + 1 / np.sqrt(3)), rtol=2e-3)
    for other in (3 * normal, normal + 1, np.abs(normal), normal * np.eye(8)[0]):
        assert losses.sigreg(other.astype(np.float32), key) > 5.0

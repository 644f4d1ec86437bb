"""The losses as loops over rows in float64, written from the papers' equations."""

import numpy as np


def unit(row):
    return row / np.sqrt(np.sum(row**2))


def cross_entropy(logits, label):
    return -logits[label] + np.log(np.sum(np.exp(logits)))


def softmax(logits):
    return np.exp(logits) / np.sum(np.exp(logits))


def covariance(rows):
    mean = sum(rows) / len(rows)
    return sum(np.outer(row - mean, row - mean) for row in rows) / (len(rows) - 1)


def info_nce(queries, keys, temperature, queue=None):
    terms = []
    for i, query in enumerate(queries):
        choices = keys if queue is None else [keys[i], *queue]
        logits = np.array([unit(query) @ unit(choice) for choice in choices]) / temperature
        terms.append(cross_entropy(logits, i if queue is None else 0))
    return np.mean(terms)


def nt_xent(first, second, temperature):
    rows, count = [*first, *second], len(first)
    terms = []
    for i, row in enumerate(rows):
        others = [j for j in range(2 * count) if j != i]
        logits = np.array([unit(row) @ unit(rows[j]) for j in others]) / temperature
        terms.append(cross_entropy(logits, others.index((i + count) % (2 * count))))
    return np.mean(terms)


def supervised_contrastive(views, labels, temperature):
    rows = [(row, i) for view in views for i, row in enumerate(view)]
    terms = []
    for a, (anchor, image) in enumerate(rows):
        others = [b for b in range(len(rows)) if b != a]
        exps = {b: np.exp(unit(anchor) @ unit(rows[b][0]) / temperature) for b in others}
        positives = [
            b
            for b in others
            if rows[b][1] == image or (labels[image] >= 0 and labels[rows[b][1]] == labels[image])
        ]
        logs = [np.log(exps[b] / sum(exps.values())) for b in positives]
        terms.append(-sum(logs) / len(logs))
    return np.mean(terms)


def relational_consistency(queries, keys, queue, temperature, key_temperature):
    terms = []
    for query, key in zip(queries, keys, strict=True):
        target = softmax(np.array([unit(key) @ unit(row) for row in queue]) / key_temperature)
        guess = softmax(np.array([unit(query) @ unit(row) for row in queue]) / temperature)
        terms.append(-np.sum(target * np.log(guess)))
    return np.mean(terms)


def sigreg(embeddings, directions):
    """Of unit directions, on the 17 points of the paper's code."""
    total, t = 0.0, np.linspace(-5, 5, 17)
    for direction in directions:
        projections = embeddings @ direction
        values = []
        for at in t:
            found = np.mean([np.exp(1j * at * s) for s in projections])
            values.append(abs(found - np.exp(-(at**2) / 2)) ** 2 * np.exp(-(at**2) / 2))
        steps = [(values[i] + values[i + 1]) / 2 * (t[i + 1] - t[i]) for i in range(16)]
        total += len(embeddings) * sum(steps)
    return total / len(directions)


def margin_contrastive(anchors, positives, negatives, margin):
    terms = []
    for anchor, positive, negative in zip(anchors, positives, negatives, strict=True):
        near = np.linalg.norm(unit(anchor) - unit(positive))
        far = np.linalg.norm(unit(anchor) - unit(negative))
        terms.append(max(0.0, near - far + margin))
    return np.mean(terms)


def negative_cosine(predictions, targets):
    return np.mean([-unit(p) @ unit(z) for p, z in zip(predictions, targets, strict=True)])


def alignment(first, second, alpha):
    pairs = zip(first, second, strict=True)
    return np.mean([np.linalg.norm(unit(x) - unit(y)) ** alpha for x, y in pairs])


def centroid(predictions, targets):
    views, terms = len(predictions), []
    for i in range(len(predictions[0])):
        centre = sum(unit(view[i]) for view in targets) / views
        terms.append(sum(np.sum((unit(view[i]) - centre) ** 2) for view in predictions) / views)
    return np.mean(terms)


def uniformity(rows, t):
    pairs = [(i, j) for j in range(len(rows)) for i in range(j)]
    squared = [np.sum((unit(rows[i]) - unit(rows[j])) ** 2) for i, j in pairs]
    return np.log(np.mean([np.exp(-t * value) for value in squared]))


def brownian(predictions, noise):
    terms = []
    for i, n in enumerate(noise):
        terms.append(sum(unit(n) @ unit(view[i]) for view in predictions) / len(predictions))
    return np.mean(terms)


def singular_value(predictions):
    """By Eq. 7, the singular values, where ours has Eq. 6, the entries."""
    values = [np.linalg.svd(covariance(view), compute_uv=False) for view in predictions]
    return np.mean([np.sum((sigma - 1) ** 2) for sigma in values])


def barlow_twins(first, second, off_diagonal_weight):
    count, width = first.shape
    a = [(x - x.mean()) / np.sqrt(np.mean((x - x.mean()) ** 2) + 1e-5) for x in first.T]
    b = [(x - x.mean()) / np.sqrt(np.mean((x - x.mean()) ** 2) + 1e-5) for x in second.T]
    total = 0.0
    for i in range(width):
        for j in range(width):
            correlation = a[i] @ b[j] / count
            total += (1 - correlation) ** 2 if i == j else off_diagonal_weight * correlation**2
    return total


def vicreg(first, second, invariance, variance, covariance_weight):
    width = first.shape[1]
    value = invariance * np.mean((first - second) ** 2)
    for view in (first, second):
        matrix = covariance(view)
        for i in range(width):
            value += variance / 2 * max(0.0, 1 - np.sqrt(matrix[i, i] + 1e-4)) / width
            others = [matrix[i, j] for j in range(width) if j != i]
            value += covariance_weight * np.sum(np.square(others)) / width
    return value


def whiten(rows, eps=0.0):
    matrix = (1 - eps) * covariance(rows) + eps * np.eye(rows.shape[1])
    inverse = np.linalg.inv(np.linalg.cholesky(matrix))
    return np.array([inverse @ (row - rows.mean(axis=0)) for row in rows])


def sinkhorn(scores, epsilon, iterations):
    """With plain exponentials and prototypes as rows, as the paper has it."""
    codes = np.exp(scores.T / epsilon)
    prototypes, count = codes.shape
    codes /= codes.sum()
    for _ in range(iterations):
        for k in range(prototypes):
            codes[k] /= codes[k].sum() * prototypes
        for i in range(count):
            codes[:, i] /= codes[:, i].sum() * count
    return codes.T * count


def code_cross_entropy(codes, scores, temperature):
    pairs = zip(codes, scores, strict=True)
    return np.mean([-np.sum(q * np.log(softmax(s / temperature))) for q, s in pairs])


def dino(student, teacher, center, student_temperature, teacher_temperature):
    codes = [softmax((row - center) / teacher_temperature) for row in teacher]
    return code_cross_entropy(codes, student, student_temperature)

"""A machine with stubs, as a fixture."""

import pytest

from tests.launch.stubbed_site import Site


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)

"""A machine with stubs for every test that asks for one."""

import pytest

from tests.launch.stubbed_site import Site


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)

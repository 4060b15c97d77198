import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import images  # noqa: E402


@pytest.fixture(scope="session")
def base():
    """A folder that others may look into: one build is somebody else's."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="nacre-image-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def plain(base):
    """(folder of the outputs, what make printed) of the app media."""
    return images.build_plainly(base)


@pytest.fixture(scope="session")
def media(plain):
    return plain[0]


@pytest.fixture(scope="session")
def strange(media):
    """The same image, built under other conditions; after `media`, which fills the cache."""
    folder, out = images.build_strangely()
    yield out
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def weather(base, media):
    out = base / "weather"
    images.make(base / "one", "image", "ENCLAVE_APP=weather", f"OUT={out}")
    return out

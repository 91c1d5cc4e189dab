import subprocess
import sys
import time

import pytest

from classifier.language import language_of


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The system failed and nobody noticed it for hours.", "en"),
        ("El sistema falló y nadie se dio cuenta durante horas.", "es"),
        ("Das System ist ausgefallen, und niemand hat es bemerkt.", "de"),
        ("系统故障导致航班延误，数千名旅客滞留。", "zh"),
        ("システム障害が発生し、多くの人が影響を受けた。", "ja"),
        ("النظام تعطل ولم يلاحظ أحد ذلك لساعات", "ar"),
        ("सिस्टम विफल हो गया और किसी ने ध्यान नहीं दिया।", "hi"),
    ],
)
def test_the_language_is_named(text, code):
    assert language_of(text) == code


@pytest.mark.parametrize("text", ["", "  \n", "123 456", "!!!", "🔥🔥"])
def test_a_text_without_letters_has_no_language(text):
    assert language_of(text) == "und"


def test_without_a_folder_for_temporary_files_the_language_is_not_known():
    code = (
        "import tempfile; tempfile.tempdir = '/nowhere/at/all'\n"
        "from classifier.language import language_of; print(language_of('The system failed.'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "und\n"


def test_a_lone_surrogate_is_no_crash():
    assert language_of("The system failed \ud800 for hours.") == "en"


def test_a_long_text_costs_no_more_than_its_beginning():
    language_of("warm")
    begun = time.perf_counter()
    language_of("The system failed. " * 100_000)
    assert time.perf_counter() - begun < 1

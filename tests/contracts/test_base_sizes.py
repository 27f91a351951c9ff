"""A folder that asks for more than any model is, or whose chat template runs away, is refused from
its small files, before there is memory for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_vlms import chat, save_gemma3, save_gemma4_e, save_gemma_clip

from core.errors import ModelMissing
from core.services import bases
from core.training import learner as learners
from core.training.config import TrainConfig
from core.vlms import templates
from core.vlms.opening import open_processor
from core.vlms.sizes import MAX_SIDE, MAX_TEMPLATE

SAVED = {"gemma-3": save_gemma3, "gemma-4": save_gemma4_e, "gemma-clip": save_gemma_clip}
OURS = chat("<start_of_turn>", "<end_of_turn>", "<start_of_image>")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of each family, not to be written into."""
    root = tmp_path_factory.mktemp("saved")
    return {family: save(root / family) for family, save in SAVED.items()}


@pytest.fixture
def copied(saved: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda family: Path(shutil.copytree(saved[family], tmp_path / "model"))


def edit(folder: Path, name: str, part: str, **values: object) -> None:
    file = folder / name
    whole = json.loads(file.read_text("utf-8"))
    (whole[part] if part else whole).update(values)
    file.write_text(json.dumps(whole), "utf-8")


def forbid_building(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("from_pretrained", "from_config"):
        monkeypatch.setattr(
            f"transformers.AutoModelForMultimodalLM.{name}",
            lambda *_, **__: pytest.fail("a model was built"),
        )


CONFIG, PROCESSOR, PICTURES = "config.json", "processor_config.json", "image_processor"
TOO_LARGE = [
    ("gemma-3", CONFIG, "vision_config", {"image_size": 100_000}, "image_size"),
    ("gemma-3", CONFIG, "vision_config", {"image_size": MAX_SIDE, "patch_size": 2}, "patch_size"),
    ("gemma-3", CONFIG, "vision_config", {"patch_size": 0}, "patch_size"),
    ("gemma-clip", CONFIG, "vision_config", {"patch_size": -8}, "patch_size"),
    ("gemma-clip", CONFIG, "vision_config", {"image_size": [64, 64]}, "image_size"),
    ("gemma-3", CONFIG, "", {"mm_tokens_per_image": 10**8}, "mm_tokens_per_image"),
    ("gemma-3", PROCESSOR, "", {"image_seq_length": 10**8}, "image_seq_length"),
    ("gemma-3", PROCESSOR, PICTURES, {"size": {"height": 10**6, "width": 64}}, "height"),
    ("gemma-4", PROCESSOR, PICTURES, {"max_soft_tokens": 10**9}, "max_soft_tokens"),
    ("gemma-4", PROCESSOR, PICTURES, {"pooling_kernel_size": 0}, "pooling_kernel_size"),
    ("gemma-3", CONFIG, "text_config", {"num_hidden_layers": 900}, "have 4; get the whole"),
    ("gemma-clip", CONFIG, "text_config", {"hidden_size": 10**6}, "have 64; get the whole"),
]


@pytest.mark.parametrize(("family", "name", "part", "values", "said"), TOO_LARGE)
def test_a_folder_that_asks_for_more_than_any_model_is_refused_when_it_is_chosen_and_opened(
    family: str,
    name: str,
    part: str,
    values: dict[str, object],
    said: str,
    copied: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It read as too little memory, minutes later, or broke off as a fault of the program."""
    folder = copied(family)
    edit(folder, name, part, **values)
    forbid_building(monkeypatch)
    with pytest.raises(ModelMissing, match=rf"in model asks for.*{said}"):
        bases.choose(f"{family}={folder}")
    with pytest.raises(ModelMissing, match=rf"in model asks for.*{said}"):
        opened(family, folder)


def opened(family: str, folder: Path) -> learners.Learner:
    return learners.load(TrainConfig(base=family, base_path=str(folder), classes=("a", "b")))


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("text_config", {"intermediate_size": 10**9}),
        ("text_config", {"vocab_size": 10**9}),
        ("vision_config", {"hidden_size": 10**7}),
    ],
)
def test_a_model_far_larger_than_its_weights_is_refused_before_there_is_memory_for_it(
    part: str,
    values: dict[str, int],
    copied: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = copied("gemma-3")
    edit(folder, CONFIG, part, **values)
    monkeypatch.setattr(
        "transformers.AutoModelForMultimodalLM.from_pretrained",
        lambda *_, **__: pytest.fail("weights were loaded"),
    )
    with pytest.raises(ModelMissing, match=r"of another model than its config\.json says"):
        opened("gemma-3", folder)


# -- chat templates


@pytest.mark.parametrize("name", ["chat_template.jinja", "tokenizer_config.json", "tokenizer.json"])
def test_a_small_file_that_is_large_is_refused_by_its_name_unread(
    name: str, copied: Callable[[str], Path]
) -> None:
    folder = copied("gemma-3")
    with (folder / name).open("r+b") as file:
        file.truncate(300 << 20)  # nothing on the disk
    with pytest.raises(ModelMissing, match=rf"{name} in model is larger than any"):
        bases.choose(f"gemma-3={folder}")


def test_so_is_a_long_template_that_stands_among_other_settings(
    copied: Callable[[str], Path],
) -> None:
    folder = copied("gemma-3")
    (folder / "chat_template.jinja").unlink()
    long = OURS + "{# " + "x" * MAX_TEMPLATE + " #}"
    edit(folder, "tokenizer_config.json", "", chat_template=long)
    edit(folder, PROCESSOR, "", chat_template=long)
    with pytest.raises(ModelMissing, match="chat_template in model is larger than any"):
        opened("gemma-3", folder)


MANY = "{% for a in range(99999) %}"
RUN_AWAY = {
    "loops in loops": f"{MANY}{MANY}{{% endfor %}}{{% endfor %}}",
    "a text that doubles": (
        "{% set n = namespace(s='x') %}" + MANY + "{% set n.s = n.s ~ n.s %}{% endfor %}"
    ),
    "a long text": "{{ 'x' * 10**11 }}",
    "many words": MANY + "word {% endfor %}",
    "itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
}


@pytest.mark.parametrize("bomb", RUN_AWAY.values(), ids=RUN_AWAY)
def test_a_template_that_runs_away_is_refused_and_takes_nothing_along(
    bomb: str, copied: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied("gemma-3")
    (folder / "chat_template.jinja").write_text(OURS + bomb, "utf-8")
    forbid_building(monkeypatch)
    with pytest.raises(ModelMissing, match="chat template in model comes to no end, or wants more"):
        opened("gemma-3", folder)


@pytest.mark.parametrize(
    "wrong",
    [
        "{{ raise_exception('no') }}",
        "{{ messages.nothing.at_all }}",
        "{{ ''.__class__.__mro__ }}{{ ().__class__.__bases__[0].__subclasses__() }}",
        "{% set n = namespace(__class__=1) %}",
        "leafspot asks here",
    ],
)
def test_a_template_that_fails_or_reaches_for_python_is_refused(
    wrong: str, copied: Callable[[str], Path]
) -> None:
    folder = copied("gemma-3")
    (folder / "chat_template.jinja").write_text(OURS + wrong, "utf-8")
    with pytest.raises(ModelMissing, match="cannot put a photo and a question into words"):
        opened("gemma-3", folder)


LIKE_THE_PUBLISHED = """
{%- macro shown(value) -%}{{ value | trim }}{%- endmacro -%}
{{ bos_token }}{% set ns = namespace(seen=0) %}
{%- for message in messages -%}
    {%- if message['role'] == 'assistant' %}{% generation %}{{ 'said' }}{% endgeneration %}
    {%- else -%}
        {{ '<start_of_turn>' + message.role + '\n' }}
        {%- for part in message['content'] -%}
            {%- if part.type == 'image' %}{% set ns.seen = ns.seen + 1 %}<start_of_image>
            {%- elif part.get('text') -%}{{ shown(part['text']) }}
            {%- else %}{% continue %}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
<end_of_turn>
{% endfor -%}
{%- if tools %}{{ tools | tojson(indent=1) }}{% endif -%}
{%- if add_generation_prompt is defined and ns.seen == 1 and tools is none %}<start_of_turn>model
{% endif -%}
"""


@pytest.mark.parametrize("family", [*SAVED, "like the published"])
def test_what_stands_around_a_question_is_what_the_library_writes(
    family: str, saved: dict[str, Path]
) -> None:
    folder = saved.get(family, saved["gemma-3"])
    processor: Any = open_processor(folder)
    if family not in SAVED:
        processor.chat_template = LIKE_THE_PUBLISHED
    question = "Outline the lesions of ‹a› “rust”."
    content = [{"type": "image"}, {"type": "text", "text": question}]
    wanted = processor.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    before, after = templates.around(folder, processor)
    assert f"{before}{question}{after}" == wanted

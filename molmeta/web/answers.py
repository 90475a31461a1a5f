"""The API's requests and answers, as OpenAPI documents them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from molmeta.errors import InputError

MOST_CHARACTERS = 5_000
Smiles = Annotated[str, Field(max_length=MOST_CHARACTERS, description="A molecule as SMILES.")]
ColumnName = Annotated[str | None, Field(max_length=500)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Refusal(BaseModel):
    """A refusal: the thing that is wrong, and the way out."""

    message: str = Field(description="The whole message, as the program prints it.")
    what: str | None = None
    got: str | None = None
    expected: str | None = None
    fix: str | None = None
    columns: list[str] = Field(default=[], description="Columns of the table, to choose from.")
    assays: list[str] = Field(default=[], description="Assays of the table, to choose from.")


class About(BaseModel):
    """The server."""

    version: str
    models: list[str]
    most_bytes: int = Field(description="Of one request.")
    most_measured: int = Field(description="Rows of measured molecules.")
    most_library: int = Field(description="Rows of a library.")


class Example(BaseModel):
    """Tables to try the page with, as CSV."""

    measured: str
    library: str


class ColumnChoice(_Closed):
    """A choice of how columns are read; a field left out is found by itself."""

    smiles_column: ColumnName = None
    assay_column: ColumnName = None
    label_column: ColumnName = None
    value_column: ColumnName = None
    relation_column: ColumnName = None
    units: ColumnName = None
    threshold: float | Literal["median", "fsmol"] | None = None
    direction: Literal["higher", "lower"] | None = None
    decimal: Literal["comma", "point"] | None = None
    assay: ColumnName = Field(default=None, description="Which assay, if there are several.")


class MeasuredMolecule(BaseModel):
    """One row of a table of measured molecules."""

    smiles: str
    active: bool | None
    value: float | None = Field(description="Exact value, as pXC50 or %, that `active` is of.")
    used: bool = Field(description="Whether the ranking learns from it.")
    reason: str = Field(description="Why it is not used.")


class Measured(BaseModel):
    """A table of measured molecules, as understood."""

    name: str
    assay: str
    notes: list[str] = Field(description="What was taken for what.")
    columns: list[str]
    rows: list[list[str]]
    molecules: list[MeasuredMolecule] = Field(description="One a row.")
    learnt_by: str | None = Field(
        default=None, description="The model that had learnt it, if `predict --save` wrote it."
    )
    prevalence: float | None = Field(default=None, description="To be sent with a ranking.")


class Library(BaseModel):
    """A table of molecules to rank, as understood."""

    name: str
    smiles_column: str
    columns: list[str]
    rows: list[list[str]]
    smiles: list[str] = Field(description="One a row.")


class Known(_Closed):
    """A measured molecule to learn from."""

    smiles: Smiles
    active: bool
    value: float | None = Field(
        default=None, description="As `MeasuredMolecule.value`: how far it lies from active counts."
    )


class Learning(_Closed):
    """Measured molecules to learn from, and the model that learns."""

    model: str = "default"
    measured: list[Known]
    prevalence: float | None = Field(
        default=None, gt=0, lt=1, description="Share of actives to expect; else as measured."
    )

    def check(self, most: int) -> None:
        """Refuse too many measured molecules, or those of one class.

        >>> Learning(measured=[Known(smiles="CCO", active=True)]).check(10)
        Traceback (most recent call last):
        ...
        molmeta.errors.InputError: measured molecules; got 1 molecules, 1 of them active; ...

        Raises:
            InputError: If they cannot be learnt from.
        """
        n_active = sum(one.active for one in self.measured)
        if len(self.measured) > most:
            raise InputError.of(
                "measured molecules",
                got=f"{len(self.measured):,}",
                expected=f"{most:,} at most on this page",
            )
        if n_active in (0, len(self.measured)):
            raise InputError.of(
                "measured molecules",
                got=f"{len(self.measured)} molecules, {n_active} of them active",
                expected="at least one active and one inactive molecule",
                fix="Add a measured molecule of the other class, or change where active begins.",
            )


class RankRequest(Learning):
    """A library to rank by measured molecules."""

    molecules: list[Smiles]


class ExplainRequest(Learning):
    """A molecule whose place in the ranking is asked about."""

    smiles: Smiles


class Candidate(_Closed):
    """A ranked molecule."""

    smiles: Smiles
    score: Annotated[float, Field(allow_inf_nan=False)]


class SuggestRequest(_Closed):
    """Ranked molecules, of which some are to be measured next."""

    molecules: Annotated[list[Candidate], Field(min_length=1, max_length=2_000)]
    n: Annotated[int, Field(ge=1, le=200)] = 10
    strategy: str = "diverse"


class Suggestion(BaseModel):
    """Molecules to measure next."""

    positions: list[int] = Field(description="Their places in the request, the first one first.")


class RankedMolecule(BaseModel):
    """A ranked molecule, or the reason why it is not."""

    reason: str = Field(description='Why it has no score; "" where it has.')
    score: float | None = Field(default=None, description="Log-odds of being active.")
    p_active: float | None = Field(default=None, description="Probability of being active.")
    nearest: int | None = Field(default=None, description="The measured molecule most like it.")
    similarity: float | None = Field(default=None, description="With that one, from 0 to 1.")
    in_domain: bool | None = Field(default=None, description="Whether the model knows its like.")
    measured: bool | None = Field(default=None, description="Its class if it is measured.")


class Event(BaseModel):
    """One line of the stream of a ranking."""

    event: Literal["waiting", "learning", "learned", "ranked", "finished", "error"]
    before: int | None = Field(default=None, description="waiting: jobs before this one.")
    n_measured: int | None = Field(default=None, description="learned: measured molecules used.")
    warnings: list[str] = Field(default=[], description="learned: what to be wary of.")
    first: int | None = Field(default=None, description="ranked: the place of the first one.")
    done: int | None = Field(default=None, description="ranked: how many are done.")
    total: int | None = Field(default=None, description="learned, ranked: of how many.")
    molecules: list[RankedMolecule] = Field(default=[], description="ranked: these ones.")
    seconds: float | None = Field(default=None, description="finished: how long it took.")
    message: str | None = Field(default=None, description="error: what went wrong.")


class Reason(BaseModel):
    """A measured molecule's part in a score."""

    smiles: str
    active: bool
    weight: float = Field(description="Positive where it speaks for active.")
    similarity: float


class Explanation(BaseModel):
    """Reasons why a molecule ranks as it does."""

    drawing: str = Field(description="SVG; blue atoms speak for active, orange ones against.")
    is_shaded: bool
    reasons: list[Reason]

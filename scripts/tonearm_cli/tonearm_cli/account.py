"""`tonearm login`, `logout` and `whoami`: accounts of a deployment, one a profile."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tonearm_cli.errors import CliError, NotSignedIn, WrongUse
from tonearm_cli.output import AsJson, Output, Quiet, command, plain
from tonearm_local.defaults import DEFAULT_NAME

if TYPE_CHECKING:
    from rich.console import Console

    from tonearm_cli.credentials import Credentials
    from tonearm_cli.deployment import Deployment

DEFAULT_PROFILE = "default"
Profile = Annotated[
    str, typer.Option("--profile", envvar="TONEARM_PROFILE", help="Which login, where there are several.")
]


def login(
    *,
    api: Annotated[
        str | None, typer.Option(envvar="TONEARM_API", help="Address of the deployment's website, https://…")
    ] = None,
    laptop: Annotated[
        str | None, typer.Option(help="A laptop stack instead; `main` when it runs and nothing else is known.")
    ] = None,
    email: Annotated[str | None, typer.Option(envvar="TONEARM_EMAIL", help="Asked for unless given.")] = None,
    profile: Profile = DEFAULT_PROFILE,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Sign in to a deployment; the password is asked for, or read from TONEARM_PASSWORD."""
    with command(as_json=as_json, quiet=quiet) as output:
        from tonearm_cli.credentials import Credentials
        from tonearm_cli.session import accounts_of

        deployment = _deployment(api, laptop, profile)
        email = email or _asked("Email", output, mend="Give --email, or set TONEARM_EMAIL.")
        password = os.environ.get("TONEARM_PASSWORD") or _asked(
            "Password", output, hidden=True, mend="Set TONEARM_PASSWORD."
        )
        accounts = accounts_of(deployment)
        made = accounts.log_in(email, password)
        credentials = Credentials(
            deployment=deployment,
            email=email,
            user_id=accounts.user_id(made.access_token),
            access_token=made.access_token,
            refresh_token=made.refresh_token,
            expires_at=datetime.now(UTC) + timedelta(seconds=made.expires_in_s),
        )
        credentials.save(profile)
        output.done(_document(profile, credentials), lambda console: _show(console, profile, credentials))


def logout(*, profile: Profile = DEFAULT_PROFILE, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Revoke the login and delete it from this machine."""
    with command(as_json=as_json, quiet=quiet) as output:
        from tonearm_cli import credentials
        from tonearm_cli.session import accounts_of

        try:
            # Above all what others could have read must be revoked.
            found = credentials.Credentials.load(profile, only_private=False)
        except NotSignedIn as error:
            credentials.forget(profile)
            nobody = str(error)
            output.done({"profile": profile, "signed_out": False}, lambda console: console.print(nobody, markup=False))
            return
        try:
            accounts_of(found.deployment).log_out(found.refresh_token)
        except CliError as error:
            error.mend = f"It is deleted from this machine, but was not revoked: it ends by itself. {error.mend}"
            raise
        finally:
            credentials.forget(profile)
        said = f"{plain(found.email)} is signed out of {plain(found.deployment.origin)}."
        output.done(
            {"profile": profile, "signed_out": True},
            lambda console: console.print(said, markup=False, soft_wrap=True),
        )


def whoami(*, profile: Profile = DEFAULT_PROFILE, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Say who is signed in where, as the deployment itself sees it."""
    with command(as_json=as_json, quiet=quiet) as output:
        from tonearm_cli.client import StudioClient
        from tonearm_cli.session import Session, accounts_of

        session = Session(profile)
        accounts = accounts_of(session.credentials.deployment)
        try:
            accounts.user_id(session.access_token)
        except NotSignedIn:
            session.renew()
            accounts.user_id(session.access_token)
        found = session.credentials
        with StudioClient(found.deployment.api_origin, session) as client:
            account = client.account()
        document = {**_document(profile, found), "tier": account.tier, "limits": account.limits.model_dump()}

        def show(console: Console) -> None:
            _show(console, profile, found)
            size_mb, minutes = account.limits.max_upload_bytes / 1e6, account.limits.max_duration_s / 60
            said = f"Tier {plain(account.tier)}: files of up to {size_mb:,.1f} MB and {minutes:g} min."
            console.print(said, markup=False, soft_wrap=True)

        output.answer(document, show)


def _deployment(api: str | None, laptop: str | None, profile: str) -> Deployment:
    """What was named; else where the profile was signed in last; else the laptop stack, when it runs."""
    from tonearm_cli.credentials import Credentials
    from tonearm_cli.deployment import Deployment, laptop_runs

    if api is not None and laptop is not None:
        raise WrongUse("--api and --laptop name two deployments.", mend="Name one.")
    if api is not None:
        return Deployment.at(api)
    if laptop is not None:
        return Deployment.on_this_machine(laptop)
    try:
        return Deployment.at(Credentials.load(profile).deployment.origin)
    except NotSignedIn as error:
        # Whoever could change the file could have the password sent elsewhere.
        if error.code == "credentials.exposed":
            raise
        if laptop_runs(DEFAULT_NAME):
            return Deployment.on_this_machine(DEFAULT_NAME)
    mend = "Name it with --api URL, or start the laptop stack with `tonearm stack up`."
    raise WrongUse("There is no deployment to sign in to.", mend=mend)


def _asked(what: str, output: Output, *, mend: str, hidden: bool = False) -> str:
    if not output.can_ask:
        raise WrongUse(f"{what} is missing, and nobody can be asked for it.", mend=mend)
    return str(typer.prompt(what, hide_input=hidden, err=True))


def _document(profile: str, credentials: Credentials) -> dict[str, Any]:
    return {
        "profile": profile,
        "email": credentials.email,
        "user_id": credentials.user_id,
        "deployment": credentials.deployment.origin,
    }


def _show(console: Console, profile: str, credentials: Credentials) -> None:
    who, where = plain(credentials.email), plain(credentials.deployment.origin)
    console.print(f"{who} is signed in to {where} (profile {profile}).", markup=False, soft_wrap=True)

// The page as a whole: who is signed in, and which place is shown.

import { useCallback, useEffect, useMemo, useState } from "react";
import { Api } from "./api/client";
import { ApiContext } from "./api/context";
import type { Config } from "./config";
import { SignIn } from "./sign-in/SignIn";
import { type Person, accessToken, currentPerson, leave } from "./sign-in/session";
import { TrackList } from "./tracks/TrackList";
import { TrackPage } from "./tracks/TrackPage";
import { PlaceLink, goTo, usePlace } from "./ui/place";
import { NewTrack } from "./upload/NewTrack";

const TRACK = /^\/tracks\/([^/]+)$/;

export function App({ config }: { config: Config }) {
  // Undefined while it is being found out.
  const [person, setPerson] = useState<Person | null | undefined>(undefined);
  const [notice, setNotice] = useState("");
  const place = usePlace();

  const find = useCallback(async () => {
    setPerson(await currentPerson().catch(() => null)); // A session that cannot be renewed is none.
  }, []);
  useEffect(() => void find(), [find]);

  const signedOut = useCallback(() => {
    setNotice("Your session has ended. Log in again.");
    setPerson(null);
  }, []);
  const api = useMemo(() => new Api(config.api_url, accessToken, signedOut), [config, signedOut]);

  const signOut = async () => {
    await leave();
    setNotice("You are signed out.");
    setPerson(null);
    goTo("/");
  };

  return (
    <>
      <header>
        <PlaceLink href="/" className="brand">
          <img src="/favicon.svg" alt="" width="28" height="28" />
          Tonearm
        </PlaceLink>
        {person && (
          <>
            <span className="who">{person.email}</span>
            <button type="button" className="quiet" onClick={signOut}>
              Sign out
            </button>
          </>
        )}
      </header>
      {person === null && <SignIn key={notice} notice={notice} onEntered={find} />}
      {person && (
        <ApiContext value={api}>
          <Place path={place} />
        </ApiContext>
      )}
      <footer>
        <a href="/v1/docs">API</a> · <a href="/licences.txt">Licences</a>
      </footer>
    </>
  );
}

function Place({ path }: { path: string }) {
  const track = TRACK.exec(path)?.[1];
  if (track) return <TrackPage key={track} trackId={track} />;
  if (path !== "/") {
    return (
      <main>
        <h1>There is no such place</h1>
        <p>
          <PlaceLink href="/">Go to your tracks</PlaceLink>
        </p>
      </main>
    );
  }
  return (
    <main className="studio">
      <h1 className="spoken">Studio</h1>
      <NewTrack />
      <TrackList />
    </main>
  );
}

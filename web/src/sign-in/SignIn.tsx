// Sign up, confirm, log in, choose a new password: one form at a time.

import { type ReactNode, useEffect, useRef, useState } from "react";
import { ProblemNote } from "../ui/ProblemNote";
import { text, useSubmit } from "../ui/useSubmit";
import { PASSWORD_RULES, missingFrom, signInProblem } from "./messages";
import { choosePassword, confirm, enter, forgetPassword, register, sendCodeAgain } from "./session";

type Step = "log in" | "sign up" | "confirm" | "forgotten" | "new password";

const TITLES: Record<Step, string> = {
  "log in": "Log in",
  "sign up": "Sign up",
  confirm: "Confirm your address",
  forgotten: "Forgotten password",
  "new password": "Choose a new password",
};

interface Props {
  /** Why the form is shown to somebody who was signed in. */
  notice: string;
  onEntered: () => Promise<void>;
}

export function SignIn({ notice, onEntered }: Props) {
  const [step, setStep] = useState<Step>("log in");
  const [email, setEmail] = useState("");
  // Kept for the step after, so that nobody types it twice in a minute; gone with the form.
  const [password, setPassword] = useState("");
  const [said, setSaid] = useState(notice);
  const heading = useRef<HTMLHeadingElement>(null);
  const first = useRef(true);

  useEffect(() => {
    // Those who do not see that the form has changed hear it.
    if (!first.current) heading.current?.focus();
    first.current = false;
  }, [step]);

  const go = (next: Step, why = "") => {
    setSaid(why);
    setStep(next);
  };

  const logIn = async (address: string, secret: string) => {
    if (await enter(address, secret)) {
      await onEntered();
      return;
    }
    await sendCodeAgain(address);
    go("confirm", `We have sent a code to ${address}.`);
  };

  const works: Record<Step, (form: FormData) => Promise<void>> = {
    "log in": async (form) => {
      setEmail(text(form, "email"));
      setPassword(text(form, "password"));
      await logIn(text(form, "email"), text(form, "password"));
    },
    "sign up": async (form) => {
      const [address, secret] = [text(form, "email"), text(form, "password")];
      setEmail(address);
      setPassword(secret);
      await register(address, secret);
      go("confirm", `We have sent a code to ${address}.`);
    },
    confirm: async (form) => {
      await confirm(email, text(form, "code"));
      if (password) await logIn(email, password);
      else go("log in", "Your address is confirmed. Log in.");
    },
    forgotten: async (form) => {
      setEmail(text(form, "email"));
      await forgetPassword(text(form, "email"));
      go("new password", `We have sent a code to ${text(form, "email")}.`);
    },
    "new password": async (form) => {
      await choosePassword(email, text(form, "code"), text(form, "password"));
      await logIn(email, text(form, "password"));
    },
  };

  const again = async () => {
    if (step === "new password") await forgetPassword(email);
    else await sendCodeAgain(email);
    setSaid(`We have sent a new code to ${email}.`);
  };

  return (
    <main className="narrow">
      <section className="card">
        <h1 ref={heading} tabIndex={-1}>{TITLES[step]}</h1>
        <p role="status" className="said">{said}</p>
        <StepForm key={step} work={works[step]}>
          {(step === "log in" || step === "sign up" || step === "forgotten") && (
            <Field label="E-mail address" name="email" type="email" autoComplete="username" initial={email} />
          )}
          {(step === "confirm" || step === "new password") && (
            <Field label="Code" name="code" autoComplete="one-time-code" numeric />
          )}
          {step === "log in" && (
            <Field label="Password" name="password" type="password" autoComplete="current-password" />
          )}
          {(step === "sign up" || step === "new password") && <NewPassword />}
          <button type="submit" className="button">
            {step === "forgotten" ? "Send me a code" : step === "confirm" ? "Confirm" : TITLES[step]}
          </button>
        </StepForm>
        <p className="links">
          {(step === "confirm" || step === "new password") && <Resend again={again} />}
          {step !== "log in" && <LinkButton onClick={() => { go("log in"); }}>Log in</LinkButton>}
          {step === "log in" && <LinkButton onClick={() => { go("sign up"); }}>Sign up</LinkButton>}
          {step === "log in" && <LinkButton onClick={() => { go("forgotten"); }}>Forgotten password</LinkButton>}
        </p>
      </section>
    </main>
  );
}

function StepForm({ work, children }: { work: (form: FormData) => Promise<void>; children: ReactNode }) {
  const { submit, busy, problem } = useSubmit(work, signInProblem);
  return (
    <form onSubmit={submit} aria-busy={busy}>
      <fieldset disabled={busy}>{children}</fieldset>
      {problem && <ProblemNote problem={problem} />}
    </form>
  );
}

function Resend({ again }: { again: () => Promise<void> }) {
  const [problem, setProblem] = useState("");
  const ask = async () => {
    try {
      await again();
      setProblem("");
    } catch (thrown) {
      setProblem(signInProblem(thrown).detail);
    }
  };
  return (
    <>
      <LinkButton onClick={ask}>Send a new code</LinkButton>
      {problem && <span role="alert" className="refusal">{problem}</span>}
    </>
  );
}

function LinkButton({ onClick, children }: { onClick: () => unknown; children: ReactNode }) {
  return (
    <button type="button" className="link" onClick={onClick}>
      {children}
    </button>
  );
}

interface FieldProps {
  label: string;
  name: string;
  type?: "text" | "email" | "password";
  autoComplete: string;
  initial?: string;
  numeric?: boolean;
}

function Field({ label, name, type = "text", autoComplete, initial = "", numeric = false }: FieldProps) {
  return (
    <label className="field">
      {label}
      <input
        name={name}
        type={type}
        autoComplete={autoComplete}
        defaultValue={initial}
        required
        {...(numeric ? { inputMode: "numeric", pattern: "[0-9]{6}", title: "six digits", maxLength: 6 } : {})}
      />
    </label>
  );
}

function NewPassword() {
  const [password, setPassword] = useState("");
  const missing = missingFrom(password);
  return (
    <>
      <label className="field">
        Password
        <input
          name="password"
          type="password"
          autoComplete="new-password"
          aria-describedby="password-rules"
          required
          value={password}
          onChange={({ target }) => {
            setPassword(target.value);
            target.setCustomValidity(
              missingFrom(target.value).length ? `It still needs ${missingFrom(target.value).join(", ")}.` : "",
            );
          }}
        />
      </label>
      <ul className="rules" id="password-rules">
        {PASSWORD_RULES.map(({ says }) => (
          <li key={says} data-held={!missing.includes(says)}>
            {says}
            {!missing.includes(says) && <span className="spoken">: yes</span>}
          </li>
        ))}
      </ul>
    </>
  );
}

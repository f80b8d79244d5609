// Cognito's errors in words that say what to do, and the rules for passwords.

import { UNREACHABLE, asProblem } from "../api/problem";
import type { Problem } from "../api/types";

const SAID: Record<string, Omit<Problem, "code">> = {
  NotAuthorizedException: {
    detail: "The e-mail address or the password is wrong.",
    mend: "Check both, or choose a new password.",
  },
  UserNotFoundException: {
    detail: "The e-mail address or the password is wrong.",
    mend: "Check both, or choose a new password.",
  },
  UsernameExistsException: {
    detail: "There is an account with this e-mail address already.",
    mend: "Log in, or choose a new password.",
  },
  InvalidPasswordException: {
    detail: "This password is not strong enough.",
    mend: "Use at least 12 characters with a small and a capital letter, a digit and a symbol.",
  },
  CodeMismatchException: { detail: "This is not the code that was sent.", mend: "Check it, or have a new one sent." },
  ExpiredCodeException: { detail: "This code is no longer valid.", mend: "Have a new one sent." },
  LimitExceededException: { detail: "Too many tries in a short time.", mend: "Wait a few minutes, then try again." },
  TooManyRequestsException: { detail: "Too many tries in a short time.", mend: "Wait a few minutes, then try again." },
  TooManyFailedAttemptsException: {
    detail: "Too many tries in a short time.",
    mend: "Wait a few minutes, then try again.",
  },
  CodeDeliveryFailureException: {
    detail: "The code could not be sent to this address.",
    mend: "Check the address, then try again.",
  },
  InvalidParameterException: { detail: "This is no e-mail address that can be used.", mend: "Check the address." },
  NetworkError: UNREACHABLE,
};

/** What to show of an error of Cognito; its `code` is `sign_in.` and the error's own name. */
export function signInProblem(thrown: unknown): Problem {
  const name = thrown instanceof Error ? thrown.name : "";
  const said = SAID[name];
  return said ? { ...said, code: `sign_in.${name}` } : asProblem(thrown);
}

export interface Rule {
  says: string;
  holds: (password: string) => boolean;
}

/** The pool's own rules, so that nobody has to find them out one refusal after the other. */
export const PASSWORD_RULES: readonly Rule[] = [
  { says: "12 characters or more", holds: (password) => password.length >= 12 },
  { says: "a small letter", holds: (password) => /[a-z]/.test(password) },
  { says: "a capital letter", holds: (password) => /[A-Z]/.test(password) },
  { says: "a digit", holds: (password) => /[0-9]/.test(password) },
  { says: "a symbol such as - or !", holds: (password) => /[\^$*.[\]{}()?"!@#%&/\\,><':;|_~`=+\- ]/.test(password) },
];

export function missingFrom(password: string): string[] {
  return PASSWORD_RULES.filter((rule) => !rule.holds(password)).map((rule) => rule.says);
}

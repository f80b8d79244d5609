// Who is signed in: Cognito by SRP, so that the password itself never travels.

import {
  confirmResetPassword,
  confirmSignUp,
  fetchAuthSession,
  resendSignUpCode,
  resetPassword,
  signIn,
  signOut,
  signUp,
} from "@aws-amplify/auth";
import { cognitoUserPoolsTokenProvider } from "@aws-amplify/auth/cognito";
import { Amplify, sessionStorage } from "@aws-amplify/core";
import type { Config } from "../config";

export interface Person {
  email: string;
}

/** Prepare sign-in for a stack. Tokens live as long as the tab, and no other tab or later visitor finds them. */
export function configure(config: Config): void {
  const auth = {
    Cognito: {
      userPoolId: config.user_pool_id,
      userPoolClientId: config.user_pool_client_id,
      ...(config.cognito_endpoint ? { userPoolEndpoint: config.cognito_endpoint } : {}),
    },
  };
  cognitoUserPoolsTokenProvider.setAuthConfig(auth);
  cognitoUserPoolsTokenProvider.setKeyValueStorage(sessionStorage);
  Amplify.configure({ Auth: auth }, { Auth: { tokenProvider: cognitoUserPoolsTokenProvider } });
}

/** The person of this tab's session, or null. */
export async function currentPerson(): Promise<Person | null> {
  const { tokens } = await fetchAuthSession();
  const email = tokens?.idToken?.payload.email;
  return typeof email === "string" ? { email } : null;
}

export async function accessToken(renewed: boolean): Promise<string | null> {
  const { tokens } = await fetchAuthSession({ forceRefresh: renewed });
  return tokens?.accessToken.toString() ?? null;
}

/** Sign in; false when the address must be confirmed with a code first. */
export async function enter(email: string, password: string): Promise<boolean> {
  const { isSignedIn, nextStep } = await signIn({ username: email, password });
  if (isSignedIn) return true;
  if (nextStep.signInStep === "CONFIRM_SIGN_UP") return false;
  throw new Error(`This account asks for a step that the page does not know: ${nextStep.signInStep}.`);
}

export async function register(email: string, password: string): Promise<void> {
  await signUp({ username: email, password, options: { userAttributes: { email } } });
}

export async function confirm(email: string, code: string): Promise<void> {
  await confirmSignUp({ username: email, confirmationCode: code });
}

export async function sendCodeAgain(email: string): Promise<void> {
  await resendSignUpCode({ username: email });
}

export async function forgetPassword(email: string): Promise<void> {
  await resetPassword({ username: email });
}

export async function choosePassword(email: string, code: string, password: string): Promise<void> {
  await confirmResetPassword({ username: email, confirmationCode: code, newPassword: password });
}

/** End the session here and revoke its refresh token. */
export async function leave(): Promise<void> {
  await signOut();
}

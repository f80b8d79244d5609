import { expect, test } from "vitest";
import { missingFrom, signInProblem } from "./messages";

test("a password is told all that it lacks at once", () => {
  expect(missingFrom("abc")).toEqual(["12 characters or more", "a capital letter", "a digit", "a symbol such as - or !"]);
  expect(missingFrom("Correct-horse-8-staple")).toEqual([]);
});

test("who knows no password is not told which addresses have accounts", () => {
  const named = (name: string) => signInProblem(Object.assign(new Error("x"), { name })).detail;
  expect(named("UserNotFoundException")).toBe(named("NotAuthorizedException"));
});

test("what Cognito says in words of its own is shown as it is", () => {
  expect(signInProblem(new Error("Something new."))).toMatchObject({ detail: "Something new." });
});

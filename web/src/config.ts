// What the page knows of the stack that it belongs to: /config.json, written by Terraform.

export interface Config {
  region: string;
  user_pool_id: string;
  user_pool_client_id: string;
  api_url: string;
  /** Only on a laptop, where Cognito is the emulator's. */
  cognito_endpoint?: string;
}

export async function readConfig(): Promise<Config> {
  const answer = await fetch("/config.json", { cache: "no-cache" });
  if (!answer.ok) {
    throw new Error(`/config.json answers HTTP ${answer.status}. Deploy the stack again: Terraform writes this file.`);
  }
  return (await answer.json()) as Config;
}

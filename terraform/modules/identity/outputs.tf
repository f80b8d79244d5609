output "user_pool_id" {
  description = "Id of the user pool."
  value       = aws_cognito_user_pool.this.id
}

output "client_id" {
  description = "Id of the studio's client, the audience of its tokens."
  value       = aws_cognito_user_pool_client.studio.id
}

output "issuer" {
  description = "Issuer (iss) of the pool's tokens."
  value       = "https://${aws_cognito_user_pool.this.endpoint}"
}

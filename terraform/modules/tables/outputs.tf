output "studio" {
  description = "The table `studio`: its name, its ARN, the ARNs of its indexes, and its stream."
  value = {
    name       = aws_dynamodb_table.studio.name
    arn        = aws_dynamodb_table.studio.arn
    index_arns = ["${aws_dynamodb_table.studio.arn}/index/jobs_by_track", "${aws_dynamodb_table.studio.arn}/index/open_work"]
    stream_arn = aws_dynamodb_table.studio.stream_arn
  }
}

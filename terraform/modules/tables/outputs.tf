output "studio" {
  description = "The table `studio`: its name, its ARN, the ARNs of its indexes, and its stream."
  value = {
    name       = aws_dynamodb_table.studio.name
    arn        = aws_dynamodb_table.studio.arn
    index_arns = [for index in ["jobs_by_track", "open_work", "unfinished"] : "${aws_dynamodb_table.studio.arn}/index/${index}"]
    stream_arn = aws_dynamodb_table.studio.stream_arn
  }
}

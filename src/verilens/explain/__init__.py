"""Why a verdict is what it is, in words: from the evidence alone, or with a model's help.

report -> features in words -> plain explanation
report + clips -> question -> model -> claims -> checked against maps -> disagreements
"""
